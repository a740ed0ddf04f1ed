-- Making a profile is numbered among the changes from now on, for whoever derives something from all of them. Those made before
-- get the numbers up to 0, which nobody who follows the changes has to hear of again.
CREATE TABLE user_made (user_id VARBINARY(16) NOT NULL PRIMARY KEY, change_no BIGINT NOT NULL);
INSERT INTO user_made (user_id, change_no)
    SELECT user_id, ROW_NUMBER() OVER (ORDER BY user_id) - COUNT(*) OVER () FROM user_profile WHERE change_no = 0;
UPDATE user_profile SET change_no = (SELECT made.change_no FROM user_made AS made WHERE made.user_id = user_profile.user_id)
    WHERE change_no = 0;
DROP TABLE user_made;
