# config: YAML → typed values; the only place with yaml.h.
