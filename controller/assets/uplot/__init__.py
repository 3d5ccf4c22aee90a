"""uPlot 1.6.32, the library that draws charts, as its authors ship it: for the dashboard and for reports. MIT licence."""
