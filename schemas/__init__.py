"""What goes over the wire, one file a resource: marshmallow and nothing else. No queries, no current user."""
