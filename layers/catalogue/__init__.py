"""Every map layer: one file each, found by being here (`layers.layer.all_layers`)."""
