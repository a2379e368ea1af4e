"""What exists, declared once."""
