"""The cluster spec: YAML text in, a frozen ClusterSpec or positioned problems out."""
