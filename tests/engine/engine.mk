# What tests/engine needs besides the tools. To be included from the Makefile, after unit.mk.

# The engine's handshake as a program that says what it sends; what should be random it is told.
$(BUILD)/tools/noise-driver: tests/engine/noise_driver.c $(UNIT_DIR)/engine.a
	@mkdir -p $(@D)
	$(UNIT_COMPILE) $(UNIT_SANITIZE) -O1 -Wl,--wrap=random_bytes -o $@ $^ -lcrypto

tools: $(BUILD)/tools/noise-driver
