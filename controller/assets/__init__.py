"""Files that the dashboard and the report embed."""
