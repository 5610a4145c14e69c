"""The edge that people see: pages, forms, access, errors."""
