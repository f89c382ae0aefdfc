package httpapi

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/yakt/yakt/controller"
	"github.com/yakt/yakt/protocol"
)

// Problem is every error answer, an RFC 9457 problem document.
type Problem struct {
	Type   string `json:"type" format:"uri-reference" doc:"Kind of problem; always about:blank, code says more." example:"about:blank"`
	Title  string `json:"title" doc:"The status in words." example:"Conflict"`
	Status int    `json:"status" doc:"The HTTP status." minimum:"400" maximum:"599" example:"409"`
	Code   string `json:"code" doc:"Kafka's name of the error." pattern:"^[A-Z0-9_]+$" example:"TOPIC_ALREADY_EXISTS"`
	Detail string `json:"detail" doc:"What is wrong and what to do." example:"Topic 'orders' already exists. Choose another name, or use that topic."`
	// Errors has every bad field of a request that was refused as such.
	Errors []FieldProblem `json:"errors,omitempty" doc:"Every bad field of the request, when that is what is wrong."`

	retryAfter string
}

// FieldProblem is one bad field.
type FieldProblem struct {
	Location string `json:"location" doc:"Where the field stands." example:"body.brokerPort"`
	Message  string `json:"message" doc:"What is wrong with it." example:"expected number <= 65535"`
}

func (p *Problem) Error() string  { return p.Detail }
func (p *Problem) GetStatus() int { return p.Status }

// ContentType names the problem's media type; huma asks for it.
func (p *Problem) ContentType(string) string { return "application/problem+json" }

// GetHeaders adds Retry-After where a later try may work; huma asks for it.
func (p *Problem) GetHeaders() http.Header {
	h := http.Header{}
	if p.retryAfter != "" {
		h.Set("Retry-After", p.retryAfter)
	}
	return h
}

func newProblem(status int, code *kerr.Error, format string, args ...any) *Problem {
	return &Problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Code: code.Message, Detail: fmt.Sprintf(format, args...)}
}

func (p *Problem) retry(after string) *Problem {
	p.retryAfter = after
	return p
}

// statusOf is the HTTP status of Kafka's errors; what is not here is 400.
var statusOf = map[*kerr.Error]int{
	kerr.UnknownTopicOrPartition: http.StatusNotFound,
	kerr.UnknownTopicID:          http.StatusNotFound,
	kerr.BrokerIDNotRegistered:   http.StatusNotFound,
	kerr.ReplicaNotAvailable:     http.StatusNotFound,

	kerr.TopicAlreadyExists:          http.StatusConflict,
	kerr.StaleBrokerEpoch:            http.StatusConflict,
	kerr.DuplicateBrokerRegistration: http.StatusConflict,
	kerr.ReassignmentInProgress:      http.StatusConflict,
	kerr.NoReassignmentInProgress:    http.StatusConflict,
	kerr.FencedLeaderEpoch:           http.StatusConflict,
	kerr.InvalidUpdateVersion:        http.StatusConflict,
	kerr.IneligibleReplica:           http.StatusConflict,
	kerr.NotLeaderForPartition:       http.StatusConflict,
	kerr.InconsistentClusterID:       http.StatusConflict,

	kerr.PolicyViolation:          http.StatusUnprocessableEntity,
	kerr.InvalidReplicationFactor: http.StatusUnprocessableEntity,
	kerr.InvalidReplicaAssignment: http.StatusUnprocessableEntity,
	kerr.UnsupportedVersion:       http.StatusUnprocessableEntity,
	kerr.InvalidRegistration:      http.StatusUnprocessableEntity,

	kerr.ThrottlingQuotaExceeded:    http.StatusTooManyRequests,
	kerr.ClusterAuthorizationFailed: http.StatusForbidden,
	kerr.TopicAuthorizationFailed:   http.StatusForbidden,
	kerr.TopicDeletionDisabled:      http.StatusForbidden,
	kerr.NotController:              http.StatusServiceUnavailable,
	kerr.RequestTimedOut:            http.StatusServiceUnavailable,
	kerr.UnknownServerError:         http.StatusInternalServerError,
}

// advice says what to do about an error whose own message does not.
var advice = map[*kerr.Error]string{
	kerr.UnknownTopicOrPartition:     "Check the name with get_topic_by_name, or create it with create_topic.",
	kerr.UnknownTopicID:              "Check the id with get_topic_by_name; a topic that was deleted and made anew has another one.",
	kerr.BrokerIDNotRegistered:       "Register the broker first.",
	kerr.ReplicaNotAvailable:         "Look at the partition's replicas with get_topic_by_name.",
	kerr.TopicAlreadyExists:          "Choose another name, or use that topic.",
	kerr.StaleBrokerEpoch:            "Use the epoch that the last registration returned; get_broker_by_id shows it.",
	kerr.DuplicateBrokerRegistration: "Use another brokerId, or wait until the other process's session is over.",
	kerr.ReassignmentInProgress:      "Wait until it is in sync, or remove it again.",
	kerr.InvalidReplicationFactor:    "Ask for fewer replicas, or bring more brokers to life.",
	kerr.InvalidReplicaAssignment:    "Name registered brokers, each once, at least one of them alive.",
	kerr.IneligibleReplica:           "The broker must be unfenced first: send broker_mgmt with the offset of its newest update.",
	kerr.InvalidTopicException:       "Use up to 249 letters, digits, dots, underscores and hyphens.",
	kerr.ThrottlingQuotaExceeded:     "Try again later, or raise the quota.",
	kerr.UnknownServerError:          "Look into the log of the active controller.",
	kerr.UnsupportedVersion:          "Compare the cluster's finalized feature levels.",
}

// kafkaProblem is the answer to a Kafka error; message may be empty.
func kafkaProblem(kafka *kerr.Error, message string) *Problem {
	status, ok := statusOf[kafka]
	if !ok {
		status = http.StatusBadRequest
	}
	if message == "" {
		message = kafka.Description
	}
	if more := advice[kafka]; more != "" {
		message = sentence(message) + " " + more
	}
	p := newProblem(status, kafka, "%s", message)
	if status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable {
		p.retry("1")
	}
	return p
}

func sentence(s string) string {
	if strings.HasSuffix(s, ".") || strings.HasSuffix(s, "!") || strings.HasSuffix(s, "?") {
		return s
	}
	return s + "."
}

// codeProblem is the answer to an error code inside a Kafka response; nil for 0.
func codeProblem(code int16, message *string) error {
	if code == 0 {
		return nil
	}
	kafka := kerr.UnknownServerError
	if known := kerr.TypedErrorForCode(code); known != nil {
		kafka = known
	}
	if message == nil {
		return kafkaProblem(kafka, "")
	}
	return kafkaProblem(kafka, *message)
}

// problemOf turns an error of the controller into an answer.
func problemOf(err error) *Problem {
	var (
		p *Problem
		e *protocol.Error
	)
	switch {
	case errors.As(err, &p):
		return p
	case errors.As(err, &e):
		return kafkaProblem(e.Kafka, e.Message)
	case errors.Is(err, controller.ErrNotActive):
		return noLeader("This node is not the active controller any more, and nothing was done. Try again.")
	case errors.Is(err, controller.ErrNotTried):
		return newProblem(http.StatusServiceUnavailable, kerr.RequestTimedOut, "The controller is too busy and nothing was done. Try again in a moment.").retry("1")
	case errors.Is(err, controller.ErrUnknownOutcome):
		return unknownOutcome()
	}
	return newProblem(http.StatusInternalServerError, kerr.UnknownServerError, "An internal fault: %v. Look into this node's log.", err)
}

func noLeader(format string, args ...any) *Problem {
	return newProblem(http.StatusServiceUnavailable, kerr.NotController, format, args...).retry("1")
}

func unknownOutcome() *Problem {
	return newProblem(http.StatusGatewayTimeout, kerr.RequestTimedOut,
		"It is not known whether the operation was carried out. Look at the state before you try again.")
}

// huma's own complaints come in the same form as ours: what it calls unprocessable is malformed or out of range here.
func init() {
	huma.NewErrorWithContext = func(_ huma.Context, status int, msg string, errs ...error) huma.StatusError {
		return humaProblem(status, msg, errs)
	}
	huma.NewError = func(status int, msg string, errs ...error) huma.StatusError { return humaProblem(status, msg, errs) }
	huma.DefaultArrayNullable = false
	huma.ValidateStrictCasing = true
}

func humaProblem(status int, msg string, errs []error) *Problem {
	code := kerr.InvalidRequest
	switch status {
	case http.StatusUnprocessableEntity:
		status = http.StatusBadRequest
	case http.StatusRequestEntityTooLarge:
		code = kerr.MessageTooLarge
	case http.StatusRequestTimeout:
		code = kerr.RequestTimedOut
	case http.StatusInternalServerError:
		code = kerr.UnknownServerError
	}
	p := newProblem(status, code, "%s", msg)
	for _, err := range errs {
		p.addField(err)
	}
	if n := len(p.Errors); n > 0 {
		p.Detail = p.fieldsInWords()
	}
	return p
}

// fieldProblemsMax bounds an answer to a request in which very much is wrong.
const fieldProblemsMax = 100

func (p *Problem) addField(err error) {
	if err == nil || len(p.Errors) >= fieldProblemsMax {
		return
	}
	f := FieldProblem{Location: "request", Message: err.Error()}
	var detailed huma.ErrorDetailer
	if errors.As(err, &detailed) {
		d := detailed.ErrorDetail()
		f.Location, f.Message = d.Location, d.Message
		if name, ok := strings.CutPrefix(f.Message, "expected required property "); ok {
			f.Location, f.Message = f.Location+"."+strings.TrimSuffix(name, " to be present"), "is missing"
		}
	}
	p.Errors = append(p.Errors, f)
}

// fieldsInWords names every bad field in one sentence.
func (p *Problem) fieldsInWords() string {
	var b strings.Builder
	for i, f := range p.Errors {
		if i > 0 {
			b.WriteString("; ")
		}
		fmt.Fprintf(&b, "%s: %s", f.Location, f.Message)
	}
	return "Correct the request: " + b.String() + "."
}
