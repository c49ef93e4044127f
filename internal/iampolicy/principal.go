package iampolicy

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Principal is who makes a request. The zero value is an anonymous caller.
type Principal struct {
	// ARN is that of a user or a role, what aws:PrincipalArn holds.
	ARN string
	// Session is the ARN of a role's session, empty for a user.
	Session string
	// Service is the name of an AWS service that acts for itself, for example
	// "apigateway.amazonaws.com"; then there is no ARN.
	Service string
}

var session = regexp.MustCompile(`^arn:([a-z-]+):sts::(\d{12}):assumed-role/([^/]+)/[^/]+$`)

// PrincipalOf is the principal with this ARN, which is that of a user, a role
// or a role's session. A session's ARN does not tell its role's path; the role
// is taken to have none, in aws:PrincipalArn too. Of a role with a path, make a
// [Principal] of both ARNs. A policy that names a role of this name with a path
// is an error when it is evaluated.
func PrincipalOf(arn string) Principal {
	if m := session.FindStringSubmatch(arn); m != nil {
		return Principal{ARN: "arn:" + m[1] + ":iam::" + m[2] + ":role/" + m[3], Session: arn}
	}
	return Principal{ARN: arn}
}

// String is how AWS names the principal in an error message.
func (p Principal) String() string {
	switch {
	case p.Session != "":
		return p.Session
	case p.ARN != "":
		return p.ARN
	case p.Service != "":
		return p.Service
	}
	return "anonymous"
}

// account is the principal's account, empty for a service or an anonymous
// caller.
func (p Principal) account() string {
	if segments := strings.SplitN(p.ARN, ":", 6); len(segments) == 6 {
		return segments[4]
	}
	return ""
}

// principals is the Principal element, ready to be evaluated. The zero value,
// that of an identity policy, is everybody.
type principals struct {
	named bool
	all   bool
	// not: the statement is about all others.
	not      bool
	arns     []string
	accounts []string
	services []string
}

var (
	accountID   = regexp.MustCompile(`^\d{12}$`)
	accountRoot = regexp.MustCompile(`^arn:[a-z-]+:iam::(\d{12}):root$`)
	// principalARN is a user, a role or a role's session; wildcards are not
	// allowed in them.
	principalARN = regexp.MustCompile(`^arn:[a-z-]+:(iam::\d{12}:(user|role)|sts::\d{12}:assumed-role)/[^*?]+$`)
	userARN      = regexp.MustCompile(`^arn:[a-z-]+:iam::\d{12}:user/(?:.*/)?([^/]+)$`)
	roleARN      = regexp.MustCompile(`^arn:[a-z-]+:iam::\d{12}:role/(?:.*/)?([^/]+)$`)
	serviceName  = regexp.MustCompile(`^[a-z0-9.-]+\.amazonaws\.com$`)
)

// compilePrincipals reads the statement's Principal or NotPrincipal.
func (s Statement) compilePrincipals() (principals, error) {
	if len(s.NotPrincipal) == 0 {
		return s.Principal.compile()
	}
	out, err := s.NotPrincipal.compile()
	out.not = true
	if err == nil && out.all {
		err = fmt.Errorf("NotPrincipal * is about nobody")
	}
	return out, err
}

func (p Principals) compile() (principals, error) {
	out := principals{named: len(p) > 0}
	for kind, who := range p {
		for _, name := range who {
			root := accountRoot.FindStringSubmatch(name)
			switch {
			case name == "*" && (kind == "*" || kind == "AWS"):
				out.all = true
			case kind == "AWS" && accountID.MatchString(name):
				out.accounts = append(out.accounts, name)
			case kind == "AWS" && root != nil:
				out.accounts = append(out.accounts, root[1])
			case kind == "AWS" && principalARN.MatchString(name):
				out.arns = append(out.arns, name)
			case kind == "Service" && serviceName.MatchString(name):
				out.services = append(out.services, name)
			default:
				return out, fmt.Errorf("principal %s %q is not modelled", kind, name)
			}
		}
	}
	return out, nil
}

// match tells whether the statement is about who makes the request; with an
// error it may be. An account stands for all its principals; account tells that
// nothing else is named.
func (ps principals) match(r Request) (matches, account bool, err error) {
	p := r.Principal
	switch {
	case ps.not && r.bounded && p.ARN != "":
		return true, false, nil // who has a boundary cannot be left out ("NotPrincipal", key points)
	case ps.not:
		excepted, err := ps.excepts(p)
		return !excepted, false, err
	case !ps.named || ps.all:
		return true, false, nil
	case p.Service != "":
		return slices.Contains(ps.services, p.Service), false, nil
	case p.ARN == "":
		return false, false, nil
	case slices.Contains(ps.arns, p.ARN) || p.Session != "" && slices.Contains(ps.arns, p.Session):
		return true, false, nil
	}
	if err := ps.otherPath(p); err != nil {
		return true, false, err
	}
	in := slices.Contains(ps.accounts, p.account())
	return in, in, nil
}

// otherPath is the error that a role of p's name is named with another path: an
// account has one role of a name ("IAM and AWS STS quotas", IAM User Guide), so
// one of the two ARNs is wrong.
func (ps principals) otherPath(p Principal) error {
	for _, arn := range ps.arns {
		if arn != p.ARN && p.sameRole(Principal{ARN: arn}) {
			return fmt.Errorf("the policy names %s, and the request's role is %s, with another path", arn, p.ARN)
		}
	}
	return nil
}

// excepts tells whether a NotPrincipal leaves p out. AWS may look at the
// account first, then at the role and at last at its session ("NotPrincipal" in
// the IAM User Guide), so of who is named on some levels only, nothing is known.
// A role acts in sessions only: of one that is not known, it is not known
// whether it is named.
func (ps principals) excepts(p Principal) (bool, error) {
	if p.Service != "" {
		return slices.Contains(ps.services, p.Service), nil
	}
	if err := ps.otherPath(p); err != nil {
		return false, err
	}
	levels := []bool{slices.Contains(ps.accounts, p.account()), slices.Contains(ps.arns, p.ARN)}
	switch {
	case p.Session != "":
		levels = append(levels, slices.Contains(ps.arns, p.Session))
	case p.role() != "":
		itsSession := func(arn string) bool { return session.MatchString(arn) && p.sameRole(PrincipalOf(arn)) }
		if slices.Contains(levels, true) || slices.ContainsFunc(ps.arns, itsSession) {
			return false, fmt.Errorf("NotPrincipal names the role %s, its account or a session, and which session makes the request is not known", p)
		}
	}
	if all := !slices.Contains(levels, false); all || !slices.Contains(levels, true) {
		return all, nil
	}
	return false, fmt.Errorf("NotPrincipal names %s, its role or its account, and not all of them; what AWS makes of that is left open", p)
}

// direct tells whether p is named as a user, by its session's own ARN, or with
// everybody.
func (ps principals) direct(p Principal) bool {
	if ps.all {
		return true
	}
	if p.Session != "" {
		return slices.Contains(ps.arns, p.Session)
	}
	return len(p.user()) > 0 && slices.Contains(ps.arns, p.ARN)
}

// user is the name of a user, nothing for anybody else. A path is no part of it.
func (p Principal) user() []string {
	if m := userARN.FindStringSubmatch(p.ARN); m != nil {
		return []string{m[1]}
	}
	return nil
}

// sameRole tells whether both are the role of one name in one account.
func (p Principal) sameRole(other Principal) bool {
	return p.role() != "" && p.role() == other.role() && p.account() == other.account()
}

// role is the name of a role without its path, empty for anybody else.
func (p Principal) role() string {
	if m := roleARN.FindStringSubmatch(p.ARN); m != nil {
		return m[1]
	}
	return ""
}
