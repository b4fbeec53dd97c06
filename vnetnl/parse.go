package vnetnl

import (
	"errors"
	"fmt"

	"github.com/mdlayher/genetlink"
	"github.com/mdlayher/netlink"
)

// parseMessage decodes the attributes of an echo. It is strict, for its users
// want to know whether they got exactly what they sent: an attribute that is
// unknown, doubled or malformed is an error.
func parseMessage(b []byte) (Message, error) {
	var m Message
	err := parseAttributes(b, func(ad *netlink.AttributeDecoder) error {
		switch ad.Type() {
		case AttrString:
			s, err := cstring(ad.Bytes())
			if err != nil {
				return fmt.Errorf("parse attribute STRING: %w", err)
			}
			m.String = &s
		case AttrU32:
			m.U32 = new(ad.Uint32())
		case AttrFlag:
			v := ad.Uint8()
			if v > 1 {
				return fmt.Errorf("parse attribute FLAG: value %d is neither 0 nor 1", v)
			}
			m.Flag = new(v == 1)
		default:
			return fmt.Errorf("parse attribute %d: unknown", ad.Type())
		}
		return nil
	})
	if err != nil {
		return Message{}, err
	}
	return m, nil
}

// parseDevice decodes the attributes of a device notification. Attributes that
// it does not know are skipped: a later module may say more about a device.
func parseDevice(b []byte) (Device, error) {
	var (
		d                 Device
		hasIndex, hasName bool
	)
	err := parseAttributes(b, func(ad *netlink.AttributeDecoder) error {
		switch ad.Type() {
		case AttrDevIfindex:
			d.Ifindex, hasIndex = int(ad.Uint32()), true
		case AttrDevName:
			s, err := cstring(ad.Bytes())
			if err != nil {
				return fmt.Errorf("parse attribute DEV_NAME: %w", err)
			}
			d.Name, hasName = s, true
		}
		return nil
	})
	if err != nil {
		return Device{}, err
	}
	if !hasIndex || !hasName {
		return Device{}, errors.New("parse device: ifindex or name is missing")
	}
	return d, nil
}

// parseEvent decodes a notification.
func parseEvent(m genetlink.Message) (Event, error) {
	switch m.Header.Command {
	case CmdEchoNtf:
		msg, err := parseMessage(m.Data)
		if err != nil {
			return nil, err
		}
		return EchoEvent{Message: msg}, nil
	case CmdDevUpNtf:
		d, err := parseDevice(m.Data)
		if err != nil {
			return nil, err
		}
		return DeviceUp{d}, nil
	case CmdDevDownNtf:
		d, err := parseDevice(m.Data)
		if err != nil {
			return nil, err
		}
		return DeviceDown{d}, nil
	default:
		return nil, fmt.Errorf("unknown notification %d", m.Header.Command)
	}
}

// parseAttributes calls fn for each attribute of b. An attribute that comes
// twice is an error.
func parseAttributes(b []byte, fn func(ad *netlink.AttributeDecoder) error) error {
	ad, err := netlink.NewAttributeDecoder(b)
	if err != nil {
		return fmt.Errorf("parse attributes: %w", err)
	}

	seen := make(map[uint16]bool)
	for ad.Next() {
		if seen[ad.Type()] {
			return fmt.Errorf("parse attribute %d: present twice", ad.Type())
		}
		seen[ad.Type()] = true
		if err := fn(ad); err != nil {
			return err
		}
	}
	if err := ad.Err(); err != nil {
		return fmt.Errorf("parse attributes: %w", err)
	}
	return nil
}

// cstring returns the string in b, whose only NUL must be its last byte.
// AttributeDecoder.String would forgive a NUL that is missing.
func cstring(b []byte) (string, error) {
	for i, c := range b {
		if c != 0 {
			continue
		}
		if i != len(b)-1 {
			return "", fmt.Errorf("NUL at byte %d of %d", i+1, len(b))
		}
		return string(b[:i]), nil
	}
	return "", errors.New("no NUL at the end")
}
