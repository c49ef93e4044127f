package config

// prefixLists is region → id of the managed prefix list com.amazonaws.<region>.s3,
// which names the addresses of S3 in security group rules
// (https://docs.aws.amazon.com/vpc/latest/userguide/working-with-aws-managed-prefix-lists.html).
// The ids never change, but only a look-up in an account tells them, such
// as "tuneline preflight". The regions are those where Bedrock tunes text models.
var prefixLists = map[string]string{
	"us-east-1": "pl-63a5400a",
	"us-west-2": "pl-68a54001",
}

// S3PrefixListID is the id of S3's managed prefix list in the stack's region;
// a checked configuration has one.
func (c Config) S3PrefixListID() string {
	if id, ok := c.PrefixListIDs[c.Region]; ok {
		return id
	}
	return prefixLists[c.Region]
}
