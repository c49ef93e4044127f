package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime"
	"github.com/aws/smithy-go"

	"github.com/tuneline/tuneline/internal/catalog"
)

// comparison is one question, answered by both models.
type comparison struct {
	Question string `json:"question"`
	Base     told   `json:"base"`
	Tuned    told   `json:"tuned"`
}

// compare asks both models at once: the tuned one through the API, its base model
// at Bedrock. What one of them says is told even if the other says nothing.
func compare(ctx context.Context, api inferenceAPI, o askOptions, model string, q question, view *askView) error {
	serving, err := api.model(ctx, model)
	if err != nil {
		return err
	}
	baseID, err := inferenceID(serving.BaseModel, o.baseID)
	if err != nil {
		return err
	}
	cfg := api.cfg
	if api.token != "" { // which is for the API alone
		if cfg, err = awsConfig(ctx, api.cfg.Region); err != nil {
			return fmt.Errorf("the base model is asked at Bedrock, which takes no token of the API's: %w", err)
		}
	}
	both := comparison{Question: q.text}
	var baseErr, tunedErr error
	var wg sync.WaitGroup
	wg.Go(func() {
		if both.Base, baseErr = q.whole(ctx, bedrockruntime.NewFromConfig(cfg), baseID); baseErr != nil {
			baseErr = asBase(baseID, cfg, baseErr)
			both.Base = told{Model: baseID, Error: baseErr.Error()}
		}
	})
	wg.Go(func() {
		if both.Tuned, tunedErr = q.whole(ctx, api.client(), model); tunedErr != nil {
			tunedErr = api.asCaller(model, tunedErr)
			both.Tuned = told{Model: model, Error: tunedErr.Error()}
		}
	})
	wg.Wait()
	if err := view.both(both); err != nil {
		return err
	}
	if baseErr != nil || tunedErr != nil {
		return toldError{exitError}
	}
	return nil
}

// inferenceID is the id by which a base model is asked: what was asked for, or the
// one of its model card, without the context length that only training wants.
func inferenceID(baseModel, wanted string) (string, error) {
	if wanted != "" {
		return wanted, nil
	}
	models, err := catalog.Load()
	if err != nil {
		return "", err
	}
	base, err := models.Find(baseModel)
	if err != nil {
		return "", fmt.Errorf("which base model to ask cannot be told: say it with --base-id: %w", err)
	}
	return base.FoundationModelID(), nil
}

// onDemand is what Bedrock says of a model that it serves by an inference profile
// or provisioned throughput only.
const onDemand = "on-demand throughput"

// asBase explains why a base model does not answer.
func asBase(id string, cfg aws.Config, err error) error {
	var refusal smithy.APIError
	if !errors.As(err, &refusal) {
		return fmt.Errorf("base model %s in %s: %w", id, cfg.Region, err)
	}
	err = fmt.Errorf("base model %s in %s: %s: %s", id, cfg.Region, refusal.ErrorCode(), refusal.ErrorMessage())
	switch code := refusal.ErrorCode(); {
	case code == "ValidationException" && strings.Contains(refusal.ErrorMessage(), onDemand):
		return fmt.Errorf("%w: it cannot be asked on demand by this id here: name an inference profile of it with --base-id, such as us.%s", err, id)
	case code == "AccessDeniedException":
		return fmt.Errorf("%w: the credentials must be allowed bedrock:InvokeModel on it, and the account have access to it (tuneline preflight)", err)
	case code == "ResourceNotFoundException":
		return fmt.Errorf("%w: Bedrock does not serve it on demand here any more: there is nothing to compare with, unless --base-id names another", err)
	}
	return err
}
