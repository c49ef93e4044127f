package main

import (
	"fmt"

	"github.com/tuneline/tuneline/internal/dataset"
	"github.com/tuneline/tuneline/internal/dataset/advice"
	"github.com/tuneline/tuneline/internal/finetune"
)

// look is what texts are looked through for beside the rules of their format.
type look struct {
	inspectors []dataset.Inspector
	// refused are the codes for which a data set is rejected.
	refused []dataset.Code
	// ignored is what nobody looks for, in words.
	ignored []string
}

// Secrets and personal data, in words.
const secretsInTexts, personalInTexts = "secrets", "personal data"

// newLook reads what the stack's configuration says: finetune.LookIgnore,
// LookNote or LookRefuse.
func newLook(secrets, personalData string) (look, error) {
	var l look
	err := l.add(secretsInTexts, secrets, dataset.CodeSecret, advice.Secrets)
	if err != nil {
		return look{}, err
	}
	return l, l.add(personalInTexts, personalData, dataset.CodePersonalData, func() (dataset.Inspector, error) {
		return advice.PersonalData(), nil
	})
}

func (l *look) add(what, todo string, code dataset.Code, inspector func() (dataset.Inspector, error)) error {
	switch todo {
	case finetune.LookIgnore:
		l.ignored = append(l.ignored, what)
		return nil
	case finetune.LookNote:
	case finetune.LookRefuse:
		l.refused = append(l.refused, code)
	default:
		return fmt.Errorf("what to do about %s is %q: want %s, %s or %s", what, todo, finetune.LookIgnore, finetune.LookNote, finetune.LookRefuse)
	}
	i, err := inspector()
	l.inspectors = append(l.inspectors, i)
	return err
}

// refuses says that what cannot be looked through is not trained on.
func (l look) refuses() bool { return len(l.refused) > 0 }

// in has a check look.
func (l look) in(o *dataset.Options) { o.Inspectors, o.Refuse = l.inspectors, l.refused }

// leftOut is what was not looked for, in words; inTime says whether there was the
// time to look for anything.
func (l look) leftOut(inTime bool) []string {
	if inTime {
		return l.ignored
	}
	return []string{secretsInTexts, personalInTexts}
}
