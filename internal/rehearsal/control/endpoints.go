package control

import (
	"encoding/xml"
	"fmt"
	"net/http"
	"slices"
)

// Endpoint is a VPC endpoint.
type Endpoint struct {
	ID, Service, Type string
	Subnets           []string
	Tags              map[string]string
}

type xmlEndpoint struct {
	ID      string   `xml:"vpcEndpointId"`
	Type    string   `xml:"vpcEndpointType"`
	Service string   `xml:"serviceName"`
	State   string   `xml:"state"`
	Subnets []string `xml:"subnetIdSet>item"`
}

// describeEndpoints answers as EC2's DescribeVpcEndpoints does: the endpoints are
// there until the stack is.
func (p *Plane) describeEndpoints(w http.ResponseWriter, r *http.Request) {
	answer := struct {
		XMLName   xml.Name      `xml:"http://ec2.amazonaws.com/doc/2016-11-15/ DescribeVpcEndpointsResponse"`
		RequestID string        `xml:"requestId"`
		Endpoints []xmlEndpoint `xml:"vpcEndpointSet>item"`
	}{RequestID: "rehearsal"}
	filters := filtersOf(r)
	for _, e := range p.options.Endpoints {
		if p.StackStatus() != deleted && e.passes(filters) {
			answer.Endpoints = append(answer.Endpoints, xmlEndpoint{e.ID, e.Type, e.Service, "available", e.Subnets})
		}
	}
	writeXML(w, answer)
}

// passes says whether an endpoint has a value of every filter. A filter that is
// not known here lets nothing through.
func (e Endpoint) passes(filters map[string][]string) bool {
	has := map[string]string{"vpc-endpoint-type": e.Type}
	for key, value := range e.Tags {
		has["tag:"+key] = value
	}
	for name, values := range filters {
		if !slices.Contains(values, has[name]) {
			return false
		}
	}
	return true
}

// filtersOf are a request's filters by name.
func filtersOf(r *http.Request) map[string][]string {
	filters := map[string][]string{}
	for i := 1; ; i++ {
		name := r.Form.Get(fmt.Sprintf("Filter.%d.Name", i))
		if name == "" {
			return filters
		}
		for j := 1; ; j++ {
			value := r.Form.Get(fmt.Sprintf("Filter.%d.Value.%d", i, j))
			if value == "" {
				break
			}
			filters[name] = append(filters[name], value)
		}
	}
}
