# The program with other settings, for tests that need them: build/variants/NAME/net-admin-helper is made with
# tests/net/config/NAME.h.

VARIANTS := few mahiru own

## make variants     build the program with the settings that some tests need
.PHONY: variants
variants: $(VARIANTS:%=variant-%)

variant-%:
	@$(MAKE) --no-print-directory CONFIG='tests/net/config/$*.h' BUILD='$(BUILD)/variants/$*' \
		'$(BUILD)/variants/$*/$(PROGRAM)'
