package preflight

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/tuneline/tuneline/infra/config"
)

const (
	nameZones     = "zones"
	nameEndpoints = "interface endpoints"
	nameCoverage  = "zone coverage"
	actionZones   = "ec2:DescribeAvailabilityZones"
	// maxZones is how many zones a configuration may name.
	maxZones = 6
)

// interfaceEndpoints are the services whose interface endpoints the stack puts
// into each of its subnets; infra/network makes them.
func interfaceEndpoints(c config.Config) []string {
	services := []string{"bedrock", "bedrock-runtime", "kms"}
	if c.API.Endpoint == config.EndpointPrivate {
		services = append(services, "execute-api")
	}
	if c.WatchesInvocations() {
		services = append(services, "monitoring")
	}
	for i, service := range services {
		services[i] = "com.amazonaws." + c.Region + "." + service
	}
	return services
}

// checkNetwork compares the zones the stack will have with those there are, and
// with those its interface endpoints can be in: a subnet in any other zone fails
// the deployment.
func (l *look) checkNetwork(ctx context.Context) []Line {
	zones, err := l.zones(ctx)
	if err != nil {
		lines := []Line{unknown(nameZones, actionZones, err), unknown(nameEndpoints, actionZones, err)}
		return append(lines, unknown(nameCoverage, actionZones, err))
	}
	chosen := l.chosen(zones)
	services, err := l.endpointZones(ctx)
	if err != nil {
		return []Line{l.judgeZones(zones, chosen, zones), unknown(nameEndpoints, "ec2:DescribeVpcEndpointServices", err), l.coverage(chosen, zones)}
	}
	good := slices.Clone(zones)
	for _, offered := range services {
		good = slices.DeleteFunc(good, func(zone string) bool { return !slices.Contains(offered, zone) })
	}
	return []Line{l.judgeZones(zones, chosen, good), l.judgeEndpoints(services, chosen, good), l.coverage(chosen, good)}
}

// zones are the Region's availability zones that the account can use, in order.
func (l *look) zones(ctx context.Context) ([]string, error) {
	out, err := l.EC2.DescribeAvailabilityZones(ctx, &ec2.DescribeAvailabilityZonesInput{
		Filters: []types.Filter{{Name: aws.String("zone-type"), Values: []string{"availability-zone"}}},
	})
	if err != nil {
		return nil, err
	}
	var names []string
	for _, zone := range out.AvailabilityZones {
		if zone.State == types.AvailabilityZoneStateAvailable && zone.OptInStatus != types.AvailabilityZoneOptInStatusNotOptedIn {
			names = append(names, aws.ToString(zone.ZoneName))
		}
	}
	slices.Sort(names)
	return names, nil
}

// endpointZones are the zones in which each interface endpoint can be, by
// service.
func (l *look) endpointZones(ctx context.Context) (map[string][]string, error) {
	wanted := interfaceEndpoints(l.Config)
	// A filter, unlike the member ServiceNames, does not fail the whole call for
	// a service that is not there.
	out, err := l.EC2.DescribeVpcEndpointServices(ctx, &ec2.DescribeVpcEndpointServicesInput{
		Filters: []types.Filter{
			{Name: aws.String("service-name"), Values: wanted},
			{Name: aws.String("service-type"), Values: []string{"Interface"}},
		},
	})
	if err != nil {
		return nil, err
	}
	zones := map[string][]string{}
	for _, service := range wanted {
		zones[service] = nil
	}
	for _, detail := range out.ServiceDetails {
		if service := aws.ToString(detail.ServiceName); slices.Contains(wanted, service) {
			zones[service] = append(zones[service], detail.AvailabilityZones...)
		}
	}
	return zones, nil
}

// chosen are the zones the stack will have: the configured ones, or the first
// ones of CloudFormation's list, which has the account's zones by name unless
// its default VPC lacks some
// (https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-getavailabilityzones.html).
func (l *look) chosen(zones []string) []string {
	if names := l.Config.AvailabilityZones.Names; names != nil {
		return names
	}
	return zones[:min(l.Config.AvailabilityZones.Count, len(zones))]
}

// use is the setting of as many zones as are configured, out of those that will
// do, or of all of them where there are fewer. With fewer than the two that a
// stack has at least, it is another Region.
func (l *look) use(zones []string, count int) string {
	if len(zones) < 2 {
		for _, region := range l.model.Regions {
			if region != l.Config.Region {
				return l.setting("region", region)
			}
		}
		return l.setting("baseModel", "ID") + " of one that is tuned in another Region, and that Region"
	}
	return l.setting("availabilityZones", zones[:min(max(count, 2), len(zones), maxZones)])
}

// judgeZones says whether the zones the stack will have are there.
func (l *look) judgeZones(zones, chosen, good []string) Line {
	wanted := max(l.Config.AvailabilityZones.Count, len(l.Config.AvailabilityZones.Names))
	missing := slices.DeleteFunc(slices.Clone(chosen), func(zone string) bool { return slices.Contains(zones, zone) })
	switch {
	case len(missing) > 0:
		return fails(nameZones, l.use(good, wanted), "%s cannot be used; %s can", join(missing), join(zones))
	case len(chosen) < wanted:
		return fails(nameZones, l.use(good, wanted), "%d zones are configured, and the account has %s", wanted, join(zones))
	case l.Config.AvailabilityZones.Names == nil:
		return ok(nameZones, "%s, the first %d of %d as CloudFormation lists them", join(chosen), len(chosen), len(zones))
	}
	return ok(nameZones, "%s, of %d", join(chosen), len(zones))
}

// judgeEndpoints says whether every interface endpoint can be in every zone the
// stack will have.
func (l *look) judgeEndpoints(services map[string][]string, chosen, good []string) Line {
	var problems []string
	for _, service := range interfaceEndpoints(l.Config) {
		offered := services[service]
		lacking := slices.DeleteFunc(slices.Clone(chosen), func(zone string) bool { return slices.Contains(offered, zone) })
		switch {
		case len(offered) == 0:
			problems = append(problems, service+" is not offered")
		case len(lacking) > 0:
			problems = append(problems, fmt.Sprintf("%s is not offered in %s", service, join(lacking)))
		}
	}
	if len(problems) > 0 {
		return fails(nameEndpoints, l.use(good, len(chosen)), "%s", strings.Join(problems, "; "))
	}
	return ok(nameEndpoints, "%d services, in every zone of the stack", len(services))
}

// coverage tells of the zones the stack is not in. AWS asks a job's VPC settings
// for no more than a subnet
// (https://docs.aws.amazon.com/bedrock/latest/userguide/custom-model-job-access-security.html);
// a third party found that a job wanted one in every zone.
func (l *look) coverage(chosen, good []string) Line {
	if len(good) == 0 {
		return note(nameCoverage, "there is no zone the stack could be in")
	}
	if len(chosen) >= len(good) {
		return ok(nameCoverage, "the stack is in every zone it can be in")
	}
	line := note(nameCoverage, "the stack has a subnet in %d of %d zones; if a job is refused over its zones, give it all of them", len(chosen), len(good))
	line.Mend = l.use(good, len(good))
	return line
}

func join(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

// checkPrefixList compares S3's managed prefix list with the committed id: with
// another one nothing in the VPC would reach S3.
func (l *look) checkPrefixList(ctx context.Context) []Line {
	const name = "S3 prefix list"
	list := "com.amazonaws." + l.Config.Region + ".s3"
	out, err := l.EC2.DescribeManagedPrefixLists(ctx, &ec2.DescribeManagedPrefixListsInput{
		Filters: []types.Filter{{Name: aws.String("prefix-list-name"), Values: []string{list}}},
	})
	if err != nil {
		return []Line{unknown(name, "ec2:DescribeManagedPrefixLists", err)}
	}
	if len(out.PrefixLists) == 0 {
		return []Line{fails(name, l.setting("region", l.model.Regions[0]), "%s is not in %s", list, l.Config.Region)}
	}
	found := aws.ToString(out.PrefixLists[0].PrefixListId)
	if known := l.Config.S3PrefixListID(); found != known {
		return []Line{fails(name, l.setting("prefixListIds", map[string]string{l.Config.Region: found}), "%s is %s, and the stack would use %q", list, found, known)}
	}
	return []Line{ok(name, "%s is %s", list, found)}
}
