// Package rehearsal runs the synthesized stack on one machine: the template
// the CDK wrote, the state machine in it, and the functions' own binaries,
// against doubles of the AWS services they call. Nothing about the pipeline is
// described a second time here.
//
// A [Cloud] is one such run. What it is made of has a package each: template
// reads the stack, s3 and kms and bedrock are services, stepfunctions and
// eventrule and apigateway carry requests and events, runtimeapi runs the
// functions, and clock and calls are shared by all: time is virtual, and every
// call is signed, recorded and open to a fault.
//
// Every call is held against the synthesized policies by package guard before it
// takes effect.
//
// What it cannot show: AWS evaluating those policies itself, how well a model is trained, and what anything costs.
package rehearsal
