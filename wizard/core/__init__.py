"""The domain: pure rules, decisions and documents. It knows no Flask, no Redis and no SQL."""
