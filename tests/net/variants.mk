# The program with other settings, for tests that need them: build/variants/NAME/net-admin-helper is made with
# tests/net/config/NAME.h.

VARIANTS := default few mahiru own engine policy
# Where install_engine of tests/lib/helper.bash puts the engine.
TEST_ENGINE_PATH := /var/lib/net-admin-helper-test/cwg-engine

## make variants     build the program with the settings that some tests need
.PHONY: variants
variants: $(VARIANTS:%=variant-%)

variant-%: $(PLAIN_OBJECTS)
	@$(MAKE) --no-print-directory CONFIG='tests/net/config/$*.h' BUILD='$(BUILD)/variants/$*' SHARED='$(BUILD)' \
		ENGINE_PATH='$(TEST_ENGINE_PATH)' '$(BUILD)/variants/$*/$(PROGRAM)'
variant-engine: $(BUILD)/$(ENGINE)
