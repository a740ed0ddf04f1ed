-- What a group was called and looked like when somebody went out of it: how it changes later is not told to them.
ALTER TABLE messaging_member ADD COLUMN left_title VARCHAR(256) NOT NULL DEFAULT '';
ALTER TABLE messaging_member ADD COLUMN left_avatar VARCHAR(256) NOT NULL DEFAULT '';
UPDATE messaging_member SET left_title = (SELECT title FROM messaging_conversation WHERE id = conversation) WHERE to_seq IS NOT NULL;
UPDATE messaging_member SET left_avatar = (SELECT avatar FROM messaging_conversation WHERE id = conversation) WHERE to_seq IS NOT NULL;
