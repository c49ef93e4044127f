package chaos

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/bedrock"
	"github.com/aws/smithy-go"

	"github.com/tuneline/tuneline/internal/registry"
)

// A command of the AWS CLI in a run's cause, and its options.
var (
	command = regexp.MustCompile(`aws bedrock ([a-z-]+)((?: --[a-z-]+ [^\s;.]+[^\s;]*)*)`)
	option  = regexp.MustCompile(`--([a-z-]+) (\S+)`)
)

// obey gives every command that the run's end names, as the operator: what is
// left to people must be what they can do. A command that is about what is gone
// by now has nothing left to do.
func (s *Stage) obey() error {
	store := s.cloud.Registry()
	for _, u := range s.uploads {
		run, err := store.Run(s.ctx, u.run)
		if errors.Is(err, registry.ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		for _, left := range run.Unreleased {
			for _, given := range command.FindAllStringSubmatch(left, -1) {
				if err := s.give(given[1], optionsOf(given[2]), left); err != nil {
					return fmt.Errorf("the end of run %s says to run %q, which fails: %w", u.run, given[0], err)
				}
			}
		}
	}
	return nil
}

// optionsOf reads a command's options; a full stop ends the sentence.
func optionsOf(text string) map[string]*string {
	options := map[string]*string{}
	for _, found := range option.FindAllStringSubmatch(text, -1) {
		value := strings.TrimRight(found[2], ".")
		options[found[1]] = &value
	}
	return options
}

// give gives one command of the AWS CLI. What a list shows is deleted when the
// sentence names it.
func (s *Stage) give(name string, options map[string]*string, sentence string) error {
	ctx, client := s.ctx, s.cloud.Operator().Bedrock
	var err error
	switch name {
	case "delete-provisioned-model-throughput":
		_, err = client.DeleteProvisionedModelThroughput(ctx, &bedrock.DeleteProvisionedModelThroughputInput{ProvisionedModelId: options["provisioned-model-id"]})
	case "delete-custom-model-deployment":
		_, err = client.DeleteCustomModelDeployment(ctx, &bedrock.DeleteCustomModelDeploymentInput{CustomModelDeploymentIdentifier: options["custom-model-deployment-identifier"]})
	case "update-provisioned-model-throughput":
		_, err = client.UpdateProvisionedModelThroughput(ctx, &bedrock.UpdateProvisionedModelThroughputInput{ProvisionedModelId: options["provisioned-model-id"], DesiredModelId: options["desired-model-id"]})
	case "stop-model-customization-job":
		_, err = client.StopModelCustomizationJob(ctx, &bedrock.StopModelCustomizationJobInput{JobIdentifier: options["job-identifier"]})
	case "list-provisioned-model-throughputs":
		for _, t := range s.cloud.Bedrock.Throughputs() {
			if strings.Contains(sentence, t.Name) {
				_, err = client.DeleteProvisionedModelThroughput(ctx, &bedrock.DeleteProvisionedModelThroughputInput{ProvisionedModelId: &t.ARN})
			}
		}
	case "list-custom-model-deployments":
		for _, d := range s.cloud.Bedrock.Deployments() {
			if strings.Contains(sentence, d.Name) {
				_, err = client.DeleteCustomModelDeployment(ctx, &bedrock.DeleteCustomModelDeploymentInput{CustomModelDeploymentIdentifier: &d.ARN})
			}
		}
	default:
		return fmt.Errorf("the suite does not know aws bedrock %s", name)
	}
	if s.nothingToDo(name, options, err) {
		return nil
	}
	return err
}

// nothingToDo tells whether an error says that a command has nothing left to do:
// what it names is gone, which AWS may answer with a denial, since what is gone has
// no tags; or the job has ended by itself.
func (s *Stage) nothingToDo(name string, options map[string]*string, err error) bool {
	var answer smithy.APIError
	if !errors.As(err, &answer) {
		return false
	}
	switch answer.ErrorCode() {
	case "ResourceNotFoundException":
		return true
	case "AccessDeniedException":
		return !strings.HasPrefix(name, "list-") && !s.stands(options)
	case "ConflictException":
		return name == "stop-model-customization-job"
	}
	return false
}

// stands tells whether one of the resources that a command's options name is there.
func (s *Stage) stands(options map[string]*string) bool {
	account := s.cloud.Bedrock
	var there []string
	for _, t := range account.Throughputs() {
		there = append(there, t.ARN, t.Name)
	}
	for _, d := range account.Deployments() {
		there = append(there, d.ARN, d.Name)
	}
	for _, j := range account.Jobs() {
		there = append(there, j.ARN, j.Name)
	}
	for _, named := range []string{"provisioned-model-id", "custom-model-deployment-identifier", "job-identifier"} {
		if value := options[named]; value != nil && slices.Contains(there, *value) {
			return true
		}
	}
	return false
}
