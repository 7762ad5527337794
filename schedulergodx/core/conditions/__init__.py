"""When a schedule fires: rules on an instant and on what happened before."""
