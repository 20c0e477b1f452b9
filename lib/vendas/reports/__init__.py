"""What people look at after a run: pages, charts, the data dictionary, the exploration of the star."""
