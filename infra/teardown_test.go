package main

import (
	"path"
	"slices"
	"testing"

	"github.com/tuneline/tuneline/internal/lambdaenv"
)

// TestEveryMachineIsWoundUp: the deletion of the stack stops the executions of
// every state machine, but for the one that gives their runs an end.
func TestEveryMachineIsWoundUp(t *testing.T) {
	forVariants(t, func(t *testing.T, _ variant, tm *template) {
		variables, _ := get(function(t, tm, "lifecycle").Properties, "Environment", "Variables").(object)
		stopped, _ := variables["TUNELINE_STATE_MACHINE_ARNS"].(string)
		var machines []string
		for _, machine := range tm.ofType("AWS::StepFunctions::StateMachine") {
			if arn := machine.ref("Arn"); arn != variables["TUNELINE_RELEASE_STATE_MACHINE_ARN"] {
				machines = append(machines, arn)
			}
		}
		got := lambdaenv.List(stopped)
		slices.Sort(got)
		slices.Sort(machines)
		equal(t, "machines that are stopped", got, machines)
	})
}

// TestNothingHereEndsTheKey: what outlives the stack, and the stack itself, go by
// the hand of the account's administrator only. Custom models are an operator's
// to delete, and no function's: see TestPowerOverModels.
func TestNothingHereEndsTheKey(t *testing.T) {
	never := []string{
		"kms:ScheduleKeyDeletion", "kms:DisableKey", "kms:DeleteImportedKeyMaterial",
		"cloudformation:DeleteStack", "s3:DeleteBucket", "s3:DeleteBucketPolicy",
	}
	forVariants(t, func(t *testing.T, _ variant, tm *template) {
		for _, s := range tm.allStatements() {
			for _, pattern := range s.actions() {
				for _, action := range never {
					hit, err := path.Match(pattern, action)
					if err != nil {
						t.Fatal(err)
					}
					if hit && s.identity && s.allows() {
						t.Errorf("%s may %s", s, action)
					}
				}
			}
		}
	})
}
