-- The phone number that the person sees in their own profile, in E.164; empty: none. Auth decides whose it is.
ALTER TABLE user_profile ADD COLUMN phone VARCHAR(16) NOT NULL DEFAULT '';
