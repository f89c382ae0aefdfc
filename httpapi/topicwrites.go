package httpapi

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/controller"
	"github.com/yakt/yakt/controller/acls"
	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
)

// deleteTopicArgs is the body of delete_topic.
type deleteTopicArgs struct {
	TopicRef
}

// Resolve checks the rules that a schema cannot express; huma calls it.
func (d *deleteTopicArgs) Resolve(_ huma.Context, at *huma.PathBuffer) []error {
	return d.check(at)
}

// TopicIDArgs names a topic to read by its id.
type TopicIDArgs struct {
	// Id of the topic.
	TopicUUID uuidText `query:"topicUUID" required:"true" example:"Jb1aPjOFQJ2pUL4xzHq1Lg"`
}

// deletedTopic is the record of a deletion, with what it deleted.
type deletedTopic struct {
	Record[TopicFields]
	// Number of partitions that were deleted.
	Partitions int `json:"partitions" example:"3"`
}

func (a *API) topicWrites() {
	remove := operation{
		kind: writeKind, name: "delete_topic", tag: tagTopics,
		needs:   onTopic(acls.Describe, acls.Delete).also("DELETE on CLUSTER will do as well."),
		summary: "Delete a topic",
		text: "Deletes the topic with its partitions and configuration. Its data is lost. It is " +
			"refused if the controllers' delete.topic.enable is false.",
	}
	handle(a, remove, func(ctx context.Context, in *struct {
		WriteParams
		Body deleteTopicArgs
	}) (*answer[deletedTopic], error) {
		return a.deleteTopic(ctx, in.WriteParams, in.Body.TopicRef)
	})
	handle(a, remove.by(http.MethodDelete), func(ctx context.Context, in *struct {
		WriteParams
		TopicArgs
	}) (*answer[deletedTopic], error) {
		return a.deleteTopic(ctx, in.WriteParams, TopicRef{Name: in.Name})
	})
	handle(a, operation{
		kind: readKind, name: "get_topic_by_id", tag: tagTopics,
		needs:   showsTopic,
		summary: "Show a topic by its id",
		text:    "A topic with its partitions and configuration.", statuses: []int{http.StatusNotFound},
	}, func(ctx context.Context, in *struct {
		StateParams
		TopicIDArgs
	}) (*stateAnswer[topicAnswer], error) {
		return a.topic(ctx, in.ReadParams, TopicRef{TopicUUID: in.TopicUUID})
	})
}

func (a *API) deleteTopic(
	ctx context.Context, p WriteParams, ref TopicRef,
) (*answer[deletedTopic], error) {
	if !a.allowsOnCluster(ctx, acls.Delete) {
		if err := a.permitTopic(ctx, ref, acls.Describe, acls.Delete); err != nil {
			return nil, err
		}
	}
	var found TopicFields
	partitions := 0
	outcome, err := a.do(ctx, controller.Operation{
		Name: "delete_topic", DryRun: p.DryRun,
		Make: func(img *metadata.Image) (kmsg.Request, error) {
			t, err := ref.find(img)
			if err != nil {
				return nil, err
			}
			found, partitions = TopicFields{t.ID.String(), t.Name}, t.Len()
			topic := kmsg.NewDeleteTopicsRequestTopic()
			topic.TopicID = t.ID
			req := kmsg.NewPtrDeleteTopicsRequest()
			req.Version, req.TimeoutMillis = 6, int32(a.cfg.OperationTimeout.Milliseconds())
			req.Topics = append(req.Topics, topic)
			return req, nil
		},
	})
	if err != nil {
		return nil, problemOf(err)
	}
	for _, t := range outcome.Response.(*kmsg.DeleteTopicsResponse).Topics {
		if err := codeProblem(t.ErrorCode, t.ErrorMessage); err != nil {
			return nil, err
		}
	}
	deleted := recordAnswer(record.TypeRemoveTopic, found, writtenPosition(outcome.Written[0]))
	return &answer[deletedTopic]{
		deleted.PositionHeaders, deletedTopic{deleted.Body, partitions},
	}, nil
}
