"""The use cases, and the contracts (`ports`) of what they need."""
