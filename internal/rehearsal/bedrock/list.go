package bedrock

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"
)

// listItem is a resource on its way into a list answer.
type listItem struct {
	name, status string
	created      time.Time
	summary      map[string]any
}

// filterItems keeps the resources that pass the filters all lists share:
// creation time, status and name. The three members are the operation's names
// for them.
func filterItems[T any](rq *request, all []T, item func(T) listItem, afterMember, beforeMember, statusMember string) []listItem {
	after, hasAfter := rq.time(afterMember)
	before, hasBefore := rq.time(beforeMember)
	status, name := rq.str(statusMember), rq.str("nameContains")
	var kept []listItem
	for _, resource := range all {
		i := item(resource)
		switch {
		case hasAfter && !i.created.After(after), hasBefore && !i.created.Before(before):
		case status != "" && i.status != status, !strings.Contains(i.name, name):
		default:
			kept = append(kept, i)
		}
	}
	return kept
}

// page sorts items by creation time, newest first unless asked otherwise, and
// answers the page the request asks for under the list's member name.
func page(rq *request, items []listItem, member string) (any, *apiError) {
	slices.SortStableFunc(items, func(a, b listItem) int {
		if rq.str("sortOrder") == "Ascending" {
			return a.created.Compare(b.created)
		}
		return b.created.Compare(a.created)
	})
	from := 0
	if text := rq.str("nextToken"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 || n > len(items) {
			return nil, invalid("The nextToken is not one this list answered with.")
		}
		from = n
	}
	to := len(items)
	if most, ok := rq.number("maxResults"); ok {
		to = min(to, from+most)
	}
	summaries := make([]map[string]any, 0, to-from)
	for _, i := range items[from:to] {
		summaries = append(summaries, i.summary)
	}
	answer := map[string]any{member: summaries}
	if to < len(items) {
		answer["nextToken"] = strconv.Itoa(to)
	}
	return answer, nil
}

// time returns a timestamp member, which the API model has checked already.
func (rq *request) time(member string) (time.Time, bool) {
	at, err := time.Parse(time.RFC3339Nano, rq.str(member))
	return at, err == nil
}

// number returns an integer member.
func (rq *request) number(member string) (int, bool) {
	n, _ := rq.in.Members[member].(json.Number)
	value, err := n.Int64()
	return int(value), err == nil
}
