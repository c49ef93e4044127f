package chat

import "time"

// Models lists models as OpenAI's GET /v1/models does. created is told of all of
// them (https://platform.openai.com/docs/api-reference/models/list).
func Models(names []string, created time.Time) []byte {
	type model struct {
		ID      string `json:"id"`
		Object  string `json:"object"`
		Created int64  `json:"created"`
		OwnedBy string `json:"owned_by"`
	}
	list := struct {
		Object string  `json:"object"`
		Data   []model `json:"data"`
	}{Object: "list", Data: []model{}}
	for _, name := range names {
		list.Data = append(list.Data, model{ID: name, Object: "model", Created: created.Unix(), OwnedBy: "tuneline"})
	}
	return encode(list)
}
