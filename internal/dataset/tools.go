package dataset

import "github.com/go-json-experiment/json/jsontext"

// toolState is what is known about the tools of one record (AWS's sample
// validator for Nova; the Converse API's types).
type toolState struct {
	// configured: the record has a toolConfig, which names are the tools of.
	configured bool
	names      map[string]bool
	uses       []toolUse
	// ids says where in uses each toolUseId stands.
	ids map[string]int
	// current is the toolUse that is being read.
	current toolUse
	// told: the record was said to hold tools.
	told bool
	// described and parametrized: the function being read has a description, and
	// parameters.
	described, parametrized bool
}

// toolUse is one call of a tool, and the place of its name.
type toolUse struct {
	id, name string
	column   int
	pointer  jsontext.Pointer
	// answered: a toolResult has been found.
	answered bool
}

// mayUseTools passes over the next value and files it when the base model takes no
// tools; otherwise it says once a record that AWS's pages disagree.
func (c *cursor) mayUseTools(column int) bool {
	if !c.rules.Tools {
		c.skip()
		c.add(CodeToolBlock, column, c.rules.model()+" takes no tools: remove them, or write them into the text")
		return false
	}
	if c.rules.ToolsInDoubt && !c.tools.told {
		c.tools.told = true
		c.add(CodeToolsInDoubt, column, "the record holds tools: AWS's sample validator takes them, one of its pages says that the job may fail")
	}
	return true
}

func (c *cursor) toolConfig(column int) {
	if !c.mayUseTools(column) {
		return
	}
	c.tools.configured = true
	c.object("toolConfig", toolConfigMembers)
}

var (
	toolConfigMembers = []member{
		{"tools", "a list of tools", (*cursor).toolList},
		{"toolChoice", "", nil},
	}
	toolMembers = []member{
		{"toolSpec", "an object", func(c *cursor) { c.object("toolSpec", toolSpecMembers) }},
	}
	toolSpecMembers = []member{
		{"name", "the tool's name", (*cursor).toolName},
		{"description", "what the tool is for", func(c *cursor) { c.name("the tool's description") }},
		{"inputSchema", "an object, {\"json\": ...}", func(c *cursor) { c.object("inputSchema", inputSchemaMembers) }},
	}
	inputSchemaMembers = []member{
		{"json", "a JSON Schema", (*cursor).inputSchema},
	}
	toolUseMembers = []member{
		{"toolUseId", "a string", (*cursor).toolUseID},
		{"name", "the tool's name", (*cursor).usedTool},
		{"input", "an object", (*cursor).toolInput},
	}
	toolResultMembers = []member{
		{"toolUseId", "the id of the toolUse", (*cursor).toolResultID},
		{"content", "a list, [{\"text\": ...}] or [{\"json\": ...}]", (*cursor).toolResultContent},
		{"status", "", nil},
	}
)

func (c *cursor) toolList() {
	n, start, ok := c.list("a list of tools", func(c *cursor) { c.object("a tool", toolMembers) })
	if ok && n == 0 {
		c.add(CodeToolConfig, start, "the list of tools is empty: add the tools, or remove toolConfig")
	}
}

func (c *cursor) toolName() {
	name, column, ok := c.name("the tool's name")
	if !ok {
		return
	}
	c.seeName(name)
	if c.tools.names[name] {
		c.add(CodeToolConfig, column, "another tool of the record has this name: give each its own")
		return
	}
	if c.tools.names == nil {
		c.tools.names = map[string]bool{}
	}
	c.tools.names[name] = true
}

// inputSchema looks for the one key that the validator asks for; the rest of the
// schema is the tool's own matter.
func (c *cursor) inputSchema() {
	if !c.expect('{', "a JSON Schema, an object") {
		return
	}
	start := c.open()
	var kind bool
	for c.more() {
		key, _ := c.key()
		kind = kind || string(key) == "type"
		c.value()
	}
	c.close()
	c.missing(kind, start, "type", "the JSON type of the tool's input, \"object\"")
}

// toolBlock reads a toolUse or toolResult block, which belongs into the turns of
// one role.
func (c *cursor) toolBlock(column int, role, wanted, what string, members []member) {
	if !c.mayUseTools(column) {
		return
	}
	if role != wanted {
		c.skip()
		c.add(CodeBlockInWrongTurn, column, what+" belongs into the "+wanted+"'s messages: move it there")
		return
	}
	c.tools.current = toolUse{}
	if c.object(what, members) && wanted == roleAssistant && c.tools.current.id != "" {
		c.keepUse()
	}
}

// keepUse remembers the toolUse just read, for the results that follow.
func (c *cursor) keepUse() {
	if c.tools.ids == nil {
		c.tools.ids = map[string]int{}
	}
	c.tools.ids[c.tools.current.id] = len(c.tools.uses)
	c.tools.uses = append(c.tools.uses, c.tools.current)
}

func (c *cursor) toolUseID() {
	id, column, ok := c.name("toolUseId")
	if !ok {
		return
	}
	if _, used := c.tools.ids[id]; used {
		c.add(CodeToolUse, column, "another toolUse of the record has this toolUseId: give each its own")
		return
	}
	c.tools.current.id = id
}

func (c *cursor) usedTool() {
	name, column, ok := c.name("the tool's name")
	if !ok {
		return
	}
	c.seeName(name)
	c.tools.current.name, c.tools.current.column = name, column
	c.tools.current.pointer = c.dec.StackPointer()
}

func (c *cursor) toolInput() {
	if c.kind() == '{' {
		c.value()
		return
	}
	c.expect('{', "an object, the tool's input")
}

// toolResultID looks for the toolUse that a result belongs to among the earlier
// ones: the order of the messages is that of the record.
func (c *cursor) toolResultID() {
	id, column, ok := c.name("toolUseId")
	if !ok {
		return
	}
	i, known := c.tools.ids[id]
	switch {
	case !known:
		c.add(CodeToolUse, column, "no earlier toolUse has this toolUseId: correct it, or add the toolUse")
	case c.tools.uses[i].answered:
		c.add(CodeToolUse, column, "the toolUse has a toolResult already: remove one of the two")
	default:
		c.tools.uses[i].answered = true
	}
}

func (c *cursor) toolResultContent() {
	n, start, ok := c.list("a list, [{\"text\": ...}] or [{\"json\": ...}]", (*cursor).toolResultItem)
	if ok && n == 0 {
		c.add(CodeEmptyContent, start, "the toolResult has no content: add {\"text\": ...} or {\"json\": ...}")
	}
}

// toolResultItem checks {"text": string} or {"json": object}.
func (c *cursor) toolResultItem() {
	if !c.expect('{', "an object, {\"text\": ...} or {\"json\": ...}") {
		return
	}
	start := c.open()
	keys := 0
	for ; c.more(); keys++ {
		key, column := c.key()
		switch {
		case string(key) == "text":
			c.turnText(roleUser)
		case string(key) != "json":
			c.skip()
			c.add(CodeUnknownBlock, column, "the content of a toolResult is {\"text\": ...} or {\"json\": ...}: convert this")
		case c.kind() == '{':
			c.value()
		default:
			c.expect('{', "an object, the tool's output")
		}
	}
	c.close()
	if keys != 1 {
		c.add(CodeUnknownBlock, start, "the content of a toolResult has exactly one of the keys text and json: write one object for each")
	}
}

// compareTools looks, at the end of the record, for tools that are used and not configured.
func (c *cursor) compareTools() {
	if !c.tools.configured || c.err != nil || c.foreign {
		return
	}
	for _, use := range c.tools.uses {
		if use.name != "" && !c.tools.names[use.name] {
			c.addAt(CodeToolUse, use.column, use.pointer, "toolConfig has no tool of this name: add it there, or correct the name")
		}
	}
}

// seeName shows a name to seeValue: it tells one record from another.
func (c *cursor) seeName(name string) {
	if c.seeValue != nil {
		c.seeValue([]byte(name))
	}
}
