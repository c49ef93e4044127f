package security

// Control is one promise.
type Control struct {
	ID      int
	Promise string
}

// Controls are the promises.
var Controls []Control

func controlOf(id int) (Control, bool) { return Control{}, true }
