package rehearsal

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/tuneline/tuneline/internal/iampolicy"
	"github.com/tuneline/tuneline/internal/rehearsal/calls"
)

// A command that people are told to run: of the AWS CLI, or of tuneline's those that
// change something of a run.
var toldCommand = regexp.MustCompile(`\baws [a-z0-9-]+ [a-z]+(?:-[a-z]+)*|\btuneline (?:approve|reject|resume|rollback)\b`)

// saying is a text that tells people something, and where it stands.
type saying struct {
	where, text string
	// toOperators says that operators read it: in a notice, in the cause of a run's
	// end, in a report, or in the answer to their command.
	toOperators bool
}

// readByOperators are the folders whose sentences operators read. What the rest of
// the repository prints is read by who deploys and tears down.
var readByOperators = []string{"lambdas/", "statemachine/", "internal/operator/", "internal/registry/", "internal/finetune/", "internal/datafile/"}

// sayings are all texts of the code, but for its tests and the rehearsal, and of the
// runbook, by article.
func sayings(t *testing.T) []saying {
	t.Helper()
	var all []saying
	err := filepath.WalkDir(absRoot(), func(path string, entry fs.DirEntry, err error) error {
		name, _ := filepath.Rel(absRoot(), path)
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (slices.Contains([]string{"node_modules", "internal/rehearsal", "security", "cdk.out", "dist"}, name) || len(name) > 1 && strings.HasPrefix(entry.Name(), ".")):
			return filepath.SkipDir
		case name == "docs/runbook.md", strings.HasSuffix(name, ".asl.json"), strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go"):
			found, err := sayingsOf(path, name)
			all = append(all, found...)
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func sayingsOf(path, name string) ([]saying, error) {
	if strings.HasSuffix(name, ".go") {
		return literals(path, name)
	}
	text, err := os.ReadFile(path) //nolint:gosec // a file of this repository
	if err != nil {
		return nil, err
	}
	var all []saying
	for _, article := range strings.Split(string(text), "\n#") {
		title, _, _ := strings.Cut(strings.Trim(article, "# "), "\n")
		all = append(all, saying{name + ", " + title, article, true})
	}
	return all, nil
}

// literals are the string literals of a Go file.
func literals(path, name string) ([]saying, error) {
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, path, nil, 0)
	if err != nil {
		return nil, err
	}
	toOperators := slices.ContainsFunc(readByOperators, func(folder string) bool { return strings.HasPrefix(name, folder) })
	var all []saying
	ast.Inspect(file, func(n ast.Node) bool {
		literal, ok := n.(*ast.BasicLit)
		if !ok || literal.Kind != token.STRING {
			return true
		}
		text, err := strconv.Unquote(literal.Value)
		if err == nil {
			all = append(all, saying{fmt.Sprintf("%s:%d", name, set.Position(literal.Pos()).Line), text, toOperators})
		}
		return true
	})
	return all, nil
}

// Ensure every command that people are told works with the credentials of those who
// are told: operators are told what the operator role may, and where it may not, that
// an administrator has to.
func TestCommandsPeopleAreTold(t *testing.T) {
	t.Parallel()
	told := toldCommands(t)
	d := newDesk(t)
	known := map[string]bool{}
	for _, c := range operatorsCommands {
		known[c.command] = true
		if c.try == nil && len(c.by) > 0 {
			continue
		}
		if err := c.try(d); err != nil {
			t.Errorf("%s: as the operator, %q fails: %v", told[c.command], c.command, err)
		}
	}
	for _, c := range othersCommands {
		known[c.command] = true
		if c.action != "" && d.onDemand.mayOperate(c.action, c.resource(d.onDemand)) == nil {
			t.Errorf("the operator role may run %q, and it is listed as not an operator's: %s", c.command, c.why)
		}
	}
	for command, where := range told {
		if !known[command] {
			t.Errorf("%s tells people to run %q, of which nobody has tried whether it works", where, command)
		}
	}
	for command := range known {
		if told[command] == "" {
			t.Errorf("nobody is told to run %q any more", command)
		}
	}
}

// toldCommands are all commands that people are told, each with a place where they
// are. It fails the test where operators are told one that is not theirs, without a
// word that it is an administrator's.
func toldCommands(t *testing.T) map[string]string {
	t.Helper()
	told := map[string]string{}
	for _, s := range sayings(t) {
		for _, command := range toldCommand.FindAllString(s.text, -1) {
			told[command] = s.where
			i := slices.IndexFunc(othersCommands, func(c othersCommand) bool { return c.command == command })
			if i >= 0 && othersCommands[i].action != "" && s.toOperators && !strings.Contains(s.text, "dministrator") {
				t.Errorf("%s tells operators to run %q, which their role may not", s.where, command)
			}
		}
	}
	return told
}

// errDenied is that a policy does not allow a command.
var errDenied = errors.New("denied")

// mayOperate asks the stack's policies about a call of the operator role: for the
// services that the rehearsal has no double of.
func (f *fixture) mayOperate(action, resource string, context ...string) error {
	role, _ := f.Stack.Role(f.Stack.Outputs["OperatorRoleArn"].Value)
	return f.may(calls.Principal{Role: role.LogicalID, ARN: role.ARN}, action, resource, context...)
}

// may is mayOperate for anybody, with condition keys and their values.
func (f *fixture) may(who calls.Principal, action, resource string, context ...string) error {
	call := calls.Call{Time: f.Clock.Now(), Principal: who, Action: action, Resource: resource, Context: map[string]string{}}
	for i := 0; i+1 < len(context); i += 2 {
		call.Context[context[i]] = context[i+1]
	}
	if denial := f.Log.Authorize(call); denial != nil {
		return fmt.Errorf("%w: %s", errDenied, denial.Message)
	}
	return nil
}

// become asks whether somebody of the account, whom IAM lets, gets the role that an
// output names.
func (f *fixture) become(output string) error {
	role := f.Stack.Outputs[output].Value
	f.Caller("ann", iampolicy.Statement{Sid: "Become", Effect: iampolicy.Allow, Action: iampolicy.Values{"sts:AssumeRole"}, Resource: iampolicy.Values{role}})
	return f.may(calls.Principal{Role: "ann", ARN: roleARN("ann")}, "sts:AssumeRole", role)
}

// arn is an ARN of the stack's account and Region.
func (f *fixture) arn(service, resource string) string {
	return "arn:" + f.Stack.Partition + ":" + service + ":" + f.Stack.Region + ":" + AccountID + ":" + resource
}

// queue is the ARN of the queue of what could not be delivered.
func (f *fixture) queue() string {
	for _, res := range f.Stack.All() {
		if res.Type == "AWS::SQS::Queue" {
			arn, err := f.Stack.GetAtt(res.LogicalID, "Arn")
			if err != nil {
				f.t.Fatal(err)
			}
			return fmt.Sprint(arn)
		}
	}
	f.t.Fatal("the stack has no queue")
	return ""
}

// receive is what reading a message of the encrypted queue takes.
func (f *fixture) receive() error {
	return errors.Join(f.mayOperate("sqs:ReceiveMessage", f.queue()),
		f.mayOperate("kms:Decrypt", f.dataKey().ARN, "kms:ViaService", "sqs."+f.Stack.Region+".amazonaws.com", "aws:ViaAWSService", "true"))
}
