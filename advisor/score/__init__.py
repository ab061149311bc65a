"""What text is worth: metrics over one example and many, and how sure a figure is."""
