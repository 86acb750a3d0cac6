# The programs that tests/engine needs besides the tools. The Makefile includes this file after unit.mk.

# The engine's handshake as a program that prints its messages. It is told the values that are random in the engine.
$(BUILD)/tools/noise-driver: tests/engine/noise_driver.c $(UNIT_DIR)/engine.a
	@mkdir -p $(@D)
	$(UNIT_COMPILE) $(UNIT_SANITIZE) -O1 -Wl,--wrap=random_bytes -o $@ $^ -lcrypto

tools: $(BUILD)/tools/noise-driver
