package main

import (
	"math"
	"strings"
	"testing"

	"github.com/tuneline/tuneline/internal/finetune"
)

// losses makes points of consecutive steps.
func losses(values ...float64) []point {
	points := make([]point, len(values))
	for i, v := range values {
		points[i] = point{step: float64(i), loss: v}
	}
	return points
}

// line makes n points from one loss to another, with noise that alternates.
func line(n int, from, to, noise float64) []point {
	points := make([]point, n)
	for i := range points {
		sign := float64(1 - 2*(i%2))
		points[i] = point{step: float64(i), loss: from + (to-from)*float64(i)/float64(n-1) + sign*noise}
	}
	return points
}

func TestJudge(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	tests := map[string]struct {
		in         metrics
		want       string
		wantReason string
	}{
		"nothing written":          {metrics{}, finetune.VerdictUsable, "nothing to judge by"},
		"too few steps":            {metrics{training: losses(1, 9)}, finetune.VerdictUsable, "too few"},
		"fell":                     {metrics{training: line(20, 2, 1, 0.1)}, finetune.VerdictUsable, "fell from"},
		"flat":                     {metrics{training: line(20, 1, 1, 0)}, finetune.VerdictUsable, "did not fall"},
		"rose within tolerance":    {metrics{training: line(20, 1, 1.1, 0)}, finetune.VerdictUsable, "did not fall"},
		"rose":                     {metrics{training: line(20, 1, 2, 0.1)}, finetune.VerdictDiverged, "rose from"},
		"rose less than its noise": {metrics{training: line(20, 1, 1.2, 0.8)}, finetune.VerdictUsable, "did not fall"},
		"ended as NaN":             {metrics{training: append(line(20, 2, 1, 0), point{20, nan})}, finetune.VerdictDiverged, "NaN at step 20"},
		"ended as infinity":        {metrics{training: losses(1, inf)}, finetune.VerdictDiverged, "+Inf at step 1"},
		"validation ended as NaN":  {metrics{training: line(20, 2, 1, 0), validation: losses(1, nan)}, finetune.VerdictDiverged, "validation loss ended as NaN"},
		"NaN only in between":      {metrics{training: append(losses(nan), line(20, 2, 1, 0)...)}, finetune.VerdictUsable, "fell from"},
		"overfitted":               {metrics{training: line(20, 2, 1, 0), validation: losses(2, 1, 1.1, 1.3)}, finetune.VerdictUsable, "lowest (1) at step 1 and ended at 1.3"},
		"unreadable":               {metrics{unreadable: []string{"a.csv: is no CSV"}}, finetune.VerdictUsable, "a.csv: is no CSV"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := judge(test.in)
			if got.Verdict != test.want || !strings.Contains(got.Reason, test.wantReason) {
				t.Errorf("got %s: %s, want %s: %s", got.Verdict, got.Reason, test.want, test.wantReason)
			}
		})
	}
}

func TestOverfitting(t *testing.T) {
	for name, test := range map[string]struct {
		in   []point
		want bool
	}{
		"none":                  {nil, false},
		"one":                   {losses(1), false},
		"fell":                  {losses(3, 2, 1), false},
		"rose a little":         {losses(3, 1, 1.05), false},
		"rose":                  {losses(3, 1, 1.2), true},
		"lowest near the end":   {losses(9, 8, 7, 6, 5, 4, 3, 2, 1, 1.2), false},
		"lowest long before it": {losses(9, 8, 7, 6, 1, 4, 3, 2, 1.5, 1.2), true},
	} {
		t.Run(name, func(t *testing.T) {
			if got := overfitting(test.in); (got != "") != test.want {
				t.Errorf("overfitting = %q, want any = %t", got, test.want)
			}
		})
	}
}
