package main

import (
	"errors"
	"os"
	"strings"
	"testing"
)

func TestGuardEndsAtTheFirstFailureAndCleansUp(t *testing.T) {
	h := &host{dir: t.TempDir(), log: func(string) {}}
	var order []string
	var dir string
	err := h.guard(t.Context(), func() {
		dir = h.TempDir()
		h.Cleanup(func() { order = append(order, "first") })
		h.Cleanup(func() {
			order = append(order, "second")
			if h.ctx.Err() == nil {
				t.Error("the context lives while things are cleaned up")
			}
		})
		h.Fatalf("no %s", "leader")
		order = append(order, "never")
	})
	if err == nil || err.Error() != "no leader" || strings.Join(order, " ") != "second first" {
		t.Errorf("%v, %v", err, order)
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the folder is still there: %v", err)
	}
}

func TestGuardLetsOtherPanicsPass(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a panic was swallowed")
		}
	}()
	h := &host{}
	_ = h.guard(t.Context(), func() { panic("bug") })
}
