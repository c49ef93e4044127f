package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// configuration is what the SDK's own loader finds in a Lambda function. That
// package brings the clients of every other way to get credentials, which Lambda
// puts into the environment
// (https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html): a
// sixth of the binary, and a fifth of the time until the first request.
func configuration() (aws.Config, error) {
	credentials := aws.Credentials{
		AccessKeyID: os.Getenv("AWS_ACCESS_KEY_ID"), SecretAccessKey: os.Getenv("AWS_SECRET_ACCESS_KEY"), SessionToken: os.Getenv("AWS_SESSION_TOKEN"),
		Source: "Lambda",
	}
	cfg := aws.Config{
		Region:      os.Getenv("AWS_REGION"),
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return credentials, nil }),
	}
	if cfg.Region == "" || !credentials.HasKeys() {
		return cfg, errors.New("environment lacks AWS_REGION, AWS_ACCESS_KEY_ID or AWS_SECRET_ACCESS_KEY: Lambda sets them")
	}
	if attempts := os.Getenv("AWS_MAX_ATTEMPTS"); attempts != "" {
		var err error
		if cfg.RetryMaxAttempts, err = strconv.Atoi(attempts); err != nil {
			return cfg, fmt.Errorf("reading AWS_MAX_ATTEMPTS: %w", err)
		}
	}
	return cfg, nil
}

// endpoint is a service's endpoint of one's own, by the variables that all SDKs
// share, or nil
// (https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html).
func endpoint(service string) *string {
	if url := os.Getenv("AWS_ENDPOINT_URL_" + service); url != "" {
		return &url
	}
	return nil
}
