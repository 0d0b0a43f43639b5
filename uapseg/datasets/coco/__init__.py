"""COCO: photos, annotations, selections and masks."""
