package dataset

// promptCompletion checks {"prompt": string, "completion": string}, the form of
// Llama 3.1 (Bedrock User Guide, "Prepare your training datasets"). Other keys
// are tolerated there, so they are a warning here.
func promptCompletion(c *cursor) {
	c.wanted = FormatPromptCompletion
	start := c.open()
	var prompt, completion bool
	for c.more() {
		key, column := c.key()
		switch string(key) {
		case "prompt":
			prompt = true
			c.user++
			c.text()
		case "completion":
			completion = true
			c.assistant++
			if _, _, ok := c.text(); ok {
				c.answered()
			}
		default:
			c.skip()
			c.add(CodeExtraKey, column, "this key is not trained on: remove it, or move what it holds into the prompt")
		}
	}
	c.close()
	c.missing(prompt, start, "prompt", "a string")
	c.missing(completion, start, "completion", "a string")
}

// missing files a key that the object just left should have had.
func (c *cursor) missing(present bool, column int, key, wanted string) {
	if !present {
		c.add(CodeMissingKey, column, "the key \""+key+"\" is missing: add it with "+wanted+" (keys are case-sensitive)")
	}
}
