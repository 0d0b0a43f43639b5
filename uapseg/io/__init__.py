"""Reading and writing: files, images, zip archives, downloads, environment variables."""
