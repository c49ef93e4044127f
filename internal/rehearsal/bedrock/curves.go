package bedrock

import (
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"strings"
)

// The courses losses can take.
const (
	curveFalling     = "falling"
	curveDiverging   = "diverging"
	curveOverfitting = "overfitting"
)

// maxPoints bounds the steps reported for one epoch.
const maxPoints = 40

// point is one line of a metrics file.
type point struct {
	step, epoch int
	loss        float64
}

// curves are the losses of a job: a function of its data, its
// hyperparameters and its name, so that the same job always looks the same.
type curves struct {
	training   []point
	validation [][]point // one a validator
}

// newCurves draws the losses. The start is the entropy of the completions'
// words, the floor depends on how many rows are seen how often, and a
// validation loss is as far above the training loss as the validation
// prompts are from the training prompts.
func newCurves(j *job) curves {
	seed := fnv.New64a()
	for _, e := range j.training {
		_, _ = seed.Write([]byte(e.prompt + "\x00" + e.completion + "\x00")) // a hash never fails
	}
	_, _ = seed.Write([]byte(j.Name))
	noise := rand.New(rand.NewPCG(seed.Sum64(), 1)) //nolint:gosec // a reproducible curve, not a secret
	start := 1 + math.Min(entropy(j.training), 8)/4
	epochs := j.epochs()
	steps := min(max(j.Records, 1), maxPoints)
	floor := start * (0.2 + 0.3/float64(epochs))
	c := curves{}
	total := float64(steps * epochs)
	for i := range steps * epochs {
		loss := start
		if j.outcome.Curve == curveDiverging {
			loss += 6 * float64(i) / total
		} else {
			loss = floor + (start-floor)*math.Exp(-4*float64(i)/total)
		}
		loss *= 1 + 0.05*(noise.Float64()-0.5)
		c.training = append(c.training, point{i, i/steps + 1, loss})
	}
	for _, rows := range j.validation {
		c.validation = append(c.validation, c.against(j, rows, steps))
	}
	return c
}

// against draws one validator's losses, a point at the end of each epoch.
func (c curves) against(j *job, rows []example, steps int) []point {
	gap := 1.0
	if len(rows) > 0 {
		model := newLearnt(j.training)
		var near float64
		for _, e := range rows {
			_, score := model.answer(e.prompt)
			near += math.Min(score, 1)
		}
		gap = 1 - near/float64(len(rows))
	}
	var points []point
	for i := steps - 1; i < len(c.training); i += steps {
		p := c.training[i]
		p.loss *= 1.05 + gap
		if j.outcome.Curve == curveOverfitting {
			p.loss = c.training[0].loss * (1.05 + 0.5*float64(p.epoch))
		}
		points = append(points, p)
	}
	return points
}

// finals are the last losses.
func (c curves) finals() (training float64, validation []float64) {
	for _, points := range c.validation {
		validation = append(validation, points[len(points)-1].loss)
	}
	return c.training[len(c.training)-1].loss, validation
}

func (c curves) trainingCSV(perplexity bool) []byte {
	return csvOf("training_loss", c.training, perplexity)
}

// validationCSV has the validators' points one after another, in one file.
func (c curves) validationCSV(perplexity bool) []byte {
	var all []point
	for _, points := range c.validation {
		all = append(all, points...)
	}
	return csvOf("validation_loss", all, perplexity)
}

func csvOf(column string, points []point, perplexity bool) []byte {
	var b strings.Builder
	b.WriteString("step_number,epoch_number," + column)
	if perplexity {
		b.WriteString(",perplexity")
	}
	b.WriteByte('\n')
	for _, p := range points {
		fmt.Fprintf(&b, "%d,%d,%v", p.step, p.epoch, p.loss)
		if perplexity {
			fmt.Fprintf(&b, ",%v", math.Exp(p.loss))
		}
		b.WriteByte('\n')
	}
	return []byte(b.String())
}

// entropy is the entropy of the completions' words in nats.
func entropy(rows []example) float64 {
	counts, total := map[string]float64{}, 0.0
	for _, e := range rows {
		for _, word := range strings.Fields(e.completion) {
			counts[word]++
			total++
		}
	}
	var sum float64
	for _, n := range counts {
		sum -= n / total * math.Log(n/total)
	}
	return sum
}
