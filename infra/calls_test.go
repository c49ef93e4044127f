package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// iamPrefix is what a service is called in IAM, by the name of its Go package.
// These are the services whose every granted action must have a call.
var iamPrefix = map[string]string{
	"bedrock": "bedrock", "bedrockruntime": "bedrock", "s3": "s3", "kms": "kms",
	"cloudformation": "cloudformation", "eventbridge": "events", "sfn": "states", "ec2": "ec2",
	"cloudwatch": "cloudwatch",
}

// authorisedAs are the calls that IAM knows by other names, after the Service
// Authorization Reference. A call that names a version of an object needs the
// permission on versions as well.
var authorisedAs = map[string][]string{
	"bedrockruntime.Converse":       {"bedrock:InvokeModel"},
	"bedrockruntime.ConverseStream": {"bedrock:InvokeModelWithResponseStream"},
	"s3.ListObjectsV2":              {"s3:ListBucket"},
	"s3.HeadObject":                 {"s3:GetObject", "s3:GetObjectVersion"},
	"s3.CopyObject":                 {"s3:GetObject", "s3:GetObjectVersion", "s3:PutObject"},
	"s3.UploadPartCopy":             {"s3:GetObject", "s3:GetObjectVersion", "s3:PutObject"},
	"s3.CreateMultipartUpload":      {"s3:PutObject"},
	"s3.CompleteMultipartUpload":    {"s3:PutObject"},
}

// readsOnly are the functions that hold the registry but, by an interface of
// their own, only read it.
var readsOnly = []string{"invoke"}

// TestRolesMatchCode compares what each function's code can call with what its
// role allows: every call has its actions, and every action a call.
func TestRolesMatchCode(t *testing.T) {
	forVariants(t, func(t *testing.T, v variant, tm *template) {
		for _, name := range v.functions() {
			t.Run(name, func(t *testing.T) {
				if name == "authorize" { // it calls the issuer, and nothing of AWS
					equal(t, "allowed", allowedToCode(t, tm, name), []string{})
					return
				}
				equal(t, "allowed, and needed by the code", allowedToCode(t, tm, name), neededByCode(t, name))
			})
		}
	})
}

// allowedToCode are a role's actions in these services. What others do in the
// function's name is left out: S3, Bedrock and SQS use the key, Bedrock applies the
// guardrail of a request, and Lambda attaches the function to the VPC.
func allowedToCode(t *testing.T, tm *template, name string) []string {
	t.Helper()
	prefix := "Functions" + strings.ToUpper(name[:1]) + name[1:] + "Role"
	if name == "lifecycle" {
		prefix = "LifecycleFunctionRole"
	}
	found := map[string]bool{}
	for _, s := range tm.permissions(t, prefix) {
		if !s.allows() || s.sid() == "AttachToVPC" || s.sid() == "PassGuardrail" || s.condition("StringEquals", "kms:ViaService") != nil {
			continue
		}
		for _, action := range s.actions() {
			service, _, _ := strings.Cut(action, ":")
			if slices.Contains(slices.Collect(maps.Values(iamPrefix)), service) {
				found[action] = true
			}
		}
	}
	actions := slices.AppendSeq([]string{}, maps.Keys(found))
	slices.Sort(actions)
	return actions
}

func neededByCode(t *testing.T, name string) []string {
	t.Helper()
	needed := map[string]bool{}
	for _, call := range callsOf(t, name) {
		service, operation, _ := strings.Cut(call, ".")
		actions := authorisedAs[call]
		if actions == nil {
			actions = []string{iamPrefix[service] + ":" + operation}
		}
		for _, action := range actions {
			needed[action] = true
			if strings.HasPrefix(action, "bedrock:Create") {
				needed["bedrock:TagResource"] = true // what is made is tagged in the same call
			}
		}
	}
	if needed["s3:GetObject"] {
		needed["s3:ListBucket"] = true // to be told that an object does not exist
	}
	if slices.Contains(readsOnly, name) {
		delete(needed, "s3:PutObject")
	}
	return slices.Sorted(maps.Keys(needed))
}

// callsOf are the SDK operations in the interfaces of a function's package, as
// "package.Operation", with the registry's where the package uses its store.
func callsOf(t *testing.T, name string) []string {
	t.Helper()
	calls, registry := operations(t, filepath.Join("..", "lambdas", name))
	if registry {
		more, _ := operations(t, filepath.Join("..", "internal", "registry"))
		calls = append(calls, more...)
	}
	if len(calls) == 0 {
		t.Fatalf("no call of the SDK found in lambdas/%s", name)
	}
	return calls
}

// operations reads a package's interfaces. A method is an operation of the SDK
// if its second parameter is an input of one of the services.
func operations(t *testing.T, dir string) (calls []string, registry bool) {
	t.Helper()
	for _, file := range sources(t, dir) {
		ast.Inspect(file, func(node ast.Node) bool {
			if selector, ok := node.(*ast.SelectorExpr); ok && isIdent(selector.X, "registry") && (selector.Sel.Name == "Store" || selector.Sel.Name == "API") {
				registry = true
			}
			if kind, ok := node.(*ast.InterfaceType); ok {
				calls = append(calls, operationsIn(kind)...)
			}
			return true
		})
	}
	return calls, registry
}

// sources are a folder's Go files without its tests, by their paths.
func sources(t *testing.T, dir string) map[string]*ast.File {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]*ast.File{}
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		if files[path], err = parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution); err != nil {
			t.Fatal(err)
		}
	}
	if len(files) == 0 {
		t.Fatalf("no Go file in %s", dir)
	}
	return files
}

func operationsIn(kind *ast.InterfaceType) []string {
	var calls []string
	for _, field := range kind.Methods.List {
		method, ok := field.Type.(*ast.FuncType)
		if !ok || method.Params.NumFields() < 2 {
			continue
		}
		pointer, ok := method.Params.List[1].Type.(*ast.StarExpr)
		if !ok {
			continue
		}
		input, ok := pointer.X.(*ast.SelectorExpr)
		if !ok {
			continue
		}
		service, ok := input.X.(*ast.Ident)
		operation := strings.TrimSuffix(input.Sel.Name, "Input")
		if ok && iamPrefix[service.Name] != "" && operation != input.Sel.Name {
			calls = append(calls, service.Name+"."+operation)
		}
	}
	return calls
}

func isIdent(expression ast.Expr, name string) bool {
	ident, ok := expression.(*ast.Ident)
	return ok && ident.Name == name
}

// TestNoCallPastTheInterfaces keeps the test above complete: outside of main.go
// and the constructors, no function has a client of the SDK, so it calls nothing
// that no interface names.
func TestNoCallPastTheInterfaces(t *testing.T) {
	for _, name := range functionNames {
		for path, file := range sources(t, filepath.Join("..", "lambdas", name)) {
			ast.Inspect(file, func(node ast.Node) bool {
				selector, ok := node.(*ast.SelectorExpr)
				if !ok || selector.Sel.Name != "Client" {
					return true
				}
				if service, ok := selector.X.(*ast.Ident); ok && iamPrefix[service.Name] != "" {
					t.Errorf("%s names %s.Client: want an interface with the operations it calls", path, service.Name)
				}
				return true
			})
		}
	}
}
