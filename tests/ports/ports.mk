# What tests/ports/musl builds: the helper, the engine, and the rest of their objects and of cwg's.
.PHONY: port port-engine
port: $(BUILD)/$(PROGRAM) $(ENGINE_OBJECTS) $(CWG_OBJECTS)
port-engine: $(BUILD)/$(ENGINE)
