package main

import (
	"maps"
	"testing"
)

// TestServiceRole holds every statement of the role Bedrock assumes: AWS
// documents them, and nothing else notices one that is missing.
func TestServiceRole(t *testing.T) {
	forVariants(t, checkServiceRole)
}

func checkServiceRole(t *testing.T, v variant, tm *template) {
	bucket, key := dataBucket(t, tm).ref("Arn"), keyOf(t, tm).ref("Arn")
	interfaces := "arn:aws:ec2:" + v.region() + ":${AWS::AccountId}:network-interface/*"
	jobs := "arn:aws:bedrock:" + v.region() + ":${AWS::AccountId}:model-customization-job/*"
	var subnets []any
	for _, s := range tm.ofType("AWS::EC2::Subnet") {
		subnets = append(subnets, "arn:aws:ec2:"+v.region()+":${AWS::AccountId}:subnet/"+s.ref("SubnetId"))
	}
	group := "arn:aws:ec2:" + v.region() + ":${AWS::AccountId}:security-group/" + tm.find(t, "NetworkJobGroup", "AWS::EC2::SecurityGroup").ref("GroupId")
	want := map[string]object{
		"ReadAccepted": {"Action": "s3:GetObject", "Resource": bucket + "/accepted/*"},
		"ReadMedia":    {"Action": "s3:GetObject", "Resource": bucket + "/media/*"},
		"WriteOutputs": {"Action": []any{"s3:GetObject", "s3:PutObject"}, "Resource": bucket + "/outputs/*"},
		"ListThese": {"Action": "s3:ListBucket", "Resource": bucket, "Condition": object{
			"StringLike": object{"s3:prefix": []any{"accepted/*", "media/*", "outputs/*"}},
		}},
		"LookAtNetwork": {"Resource": "*", "Action": []any{
			"ec2:DescribeNetworkInterfaces", "ec2:DescribeVpcs", "ec2:DescribeDhcpOptions", "ec2:DescribeSubnets", "ec2:DescribeSecurityGroups",
		}},
		"CreateTaggedInterfaces": {"Action": "ec2:CreateNetworkInterface", "Resource": interfaces, "Condition": object{
			"StringEquals": object{"aws:RequestTag/BedrockManaged": "true"},
			"ArnEquals":    object{"aws:RequestTag/BedrockModelCustomizationJobArn": jobs},
		}},
		"CreateInterfacesHere": {"Action": "ec2:CreateNetworkInterface", "Resource": append(append([]any{}, subnets...), group)},
		"UseTaggedInterfaces": {
			"Action":   []any{"ec2:CreateNetworkInterfacePermission", "ec2:DeleteNetworkInterface", "ec2:DeleteNetworkInterfacePermission"},
			"Resource": "*",
			"Condition": object{
				"ArnEquals":    object{"ec2:Subnet": subnets, "ec2:ResourceTag/BedrockModelCustomizationJobArn": jobs},
				"StringEquals": object{"ec2:ResourceTag/BedrockManaged": "true"},
			},
		},
		"TagNewInterfaces": {"Action": "ec2:CreateTags", "Resource": interfaces, "Condition": object{
			"StringEquals":              object{"ec2:CreateAction": "CreateNetworkInterface"},
			"ForAllValues:StringEquals": object{"aws:TagKeys": []any{"BedrockManaged", "BedrockModelCustomizationJobArn"}},
		}},
		"UseObjects": {"Action": []any{"kms:Decrypt", "kms:GenerateDataKey"}, "Resource": key, "Condition": object{
			"StringEquals": object{"kms:ViaService": "s3." + v.region() + ".amazonaws.com"},
		}},
		"EncryptModel": {"Action": []any{"kms:Decrypt", "kms:GenerateDataKey", "kms:DescribeKey"}, "Resource": key, "Condition": object{
			"StringEquals": object{"kms:ViaService": "bedrock." + v.region() + ".amazonaws.com"},
		}},
		"KeepModelReadable": {"Action": "kms:CreateGrant", "Resource": key, "Condition": object{
			"StringEquals": object{"kms:ViaService": "bedrock." + v.region() + ".amazonaws.com"},
			"Bool":         object{"kms:GrantIsForAWSResource": "true"},
		}},
	}
	got := map[string]object{}
	for _, s := range tm.permissions(t, "CustomizationRole") {
		o := maps.Clone(s.object)
		delete(o, "Sid")
		delete(o, "Effect")
		got[s.sid()] = o
	}
	equal(t, "statements", got, want)
}
