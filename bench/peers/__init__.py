"""What people would use instead: a bare page (A), Flask-Session with Flask-WTF (B), django-formtools (C)."""
