package cache

import "context"

// Remove removes the entry kind/key, which this process may have in use and no
// other: it is for an entry that turned out to be of no use although it is
// whole.
func (s *Store) Remove(ctx context.Context, kind, key string) error {
	sl, err := s.slot(kind, key)
	if err != nil {
		return err
	}
	if err := sl.enter(ctx); err != nil {
		return err
	}
	defer sl.leave()
	if err := sl.drop(nil); err != nil {
		return err
	}
	return s.remove(kind, key)
}
