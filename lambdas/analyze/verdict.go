package main

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/tuneline/tuneline/internal/finetune"
)

const (
	// tolerance is how far a loss may rise, as a share, before it is told.
	tolerance = 0.10
	// minSteps is the fewest steps whose first and last fifth can be compared:
	// one step is one batch, and says nothing.
	minSteps = 10
)

// judge turns metrics into results. A model is rejected only for what cannot be
// noise; everything else is told in the reason, since the model is paid for.
func judge(m metrics) finetune.Results {
	results := finetune.Results{Verdict: finetune.VerdictUsable, Steps: len(m.training)}
	if n := len(m.training); n > 0 {
		results.TrainingLoss = finite(mean(m.training[n-fifth(n):]))
	}
	if n := len(m.validation); n > 0 {
		results.ValidationLoss = finite(m.validation[n-1].loss)
	}
	var reasons []string
	if broken := divergence(m); broken != "" {
		results.Verdict = finetune.VerdictDiverged
		reasons = append(reasons, broken)
	} else {
		reasons = append(reasons, course(numbers(m.training)))
		if told := overfitting(numbers(m.validation)); told != "" {
			reasons = append(reasons, told)
		}
	}
	for _, file := range m.unreadable {
		reasons = append(reasons, "a metric file could not be read: "+file)
	}
	results.Reason = strings.Join(reasons, "; ")
	return results
}

// divergence says what shows that the model is worse than nothing, "" if
// nothing does: a loss that ends as no number, or a training loss that rose by
// more than a tenth and by more than its own noise.
func divergence(m metrics) string {
	for _, series := range []struct {
		name   string
		points []point
	}{{"training", m.training}, {"validation", m.validation}} {
		if n := len(series.points); n > 0 && finite(series.points[n-1].loss) == nil {
			return fmt.Sprintf("the %s loss ended as %v at step %g: the training diverged; lower the learning rate", series.name, series.points[n-1].loss, series.points[n-1].step)
		}
	}
	training := numbers(m.training)
	n := len(training)
	if n < minSteps {
		return ""
	}
	first, last := training[:fifth(n)], training[n-fifth(n):]
	from, to := mean(first), mean(last)
	if rise := to - from; rise > tolerance*from && rise > 2*math.Hypot(standardError(first), standardError(last)) {
		return fmt.Sprintf("the training loss rose from %.4g (mean of the first fifth of %d steps) to %.4g (last fifth): the training diverged; lower the learning rate", from, n, to)
	}
	return ""
}

// course tells how the training loss went.
func course(training []point) string {
	n := len(training)
	switch {
	case n == 0:
		return "Bedrock wrote no training loss, so there was nothing to judge by"
	case n < minSteps:
		return fmt.Sprintf("%d training steps are too few to judge by", n)
	}
	from, to := mean(training[:fifth(n)]), mean(training[n-fifth(n):])
	if to < from {
		return fmt.Sprintf("the training loss fell from %.4g to %.4g in %d steps", from, to, n)
	}
	return fmt.Sprintf("the training loss did not fall: %.4g at first, %.4g in the end of %d steps; check that the data set teaches something new", from, to, n)
}

// overfitting tells of a validation loss that was lowest before the last fifth
// and ended more than a tenth above that, "" otherwise.
func overfitting(validation []point) string {
	n := len(validation)
	if n == 0 {
		return ""
	}
	lowest := 0
	for i, p := range validation {
		if p.loss < validation[lowest].loss {
			lowest = i
		}
	}
	low, last := validation[lowest], validation[n-1]
	if lowest >= n-fifth(n) || last.loss <= (1+tolerance)*low.loss {
		return ""
	}
	return fmt.Sprintf("the validation loss was lowest (%.4g) at step %g and ended at %.4g: the model may be overfitted; fewer epochs may do better", low.loss, low.step, last.loss)
}

// fifth is a fifth of n, one at least.
func fifth(n int) int { return max(n/5, 1) }

// finite is x, or nil when it is NaN or infinite: JSON has neither.
func finite(x float64) *float64 {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return nil
	}
	return &x
}

// numbers drops the points whose loss is no number: one batch that overflowed in
// the middle of a training that recovered says nothing.
func numbers(points []point) []point {
	return slices.DeleteFunc(slices.Clone(points), func(p point) bool { return finite(p.loss) == nil })
}

// mean is the mean loss of points, of which there is at least one.
func mean(points []point) float64 {
	var sum float64
	for _, p := range points {
		sum += p.loss
	}
	return sum / float64(len(points))
}

// standardError is the standard error of the mean loss of two points or more.
func standardError(points []point) float64 {
	center, n := mean(points), float64(len(points))
	var squares float64
	for _, p := range points {
		squares += (p.loss - center) * (p.loss - center)
	}
	return math.Sqrt(squares / (n - 1) / n)
}
