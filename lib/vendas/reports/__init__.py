"""Reports on a run: pages, charts, the data dictionary, the exploration of the star."""
