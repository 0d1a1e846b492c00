CREATE TABLE `definition_pieces` (
	`hash` text NOT NULL,
	`part` integer NOT NULL,
	`content` text NOT NULL,
	`written_time` integer NOT NULL,
	`is_named` integer DEFAULT false NOT NULL,
	PRIMARY KEY(`hash`, `part`)
);
--> statement-breakpoint
CREATE INDEX `unnamed_pieces` ON `definition_pieces` (`written_time`) WHERE is_named = 0;--> statement-breakpoint
ALTER TABLE `snapshots` ADD `is_published` integer DEFAULT true NOT NULL;--> statement-breakpoint
-- What earlier releases stored whole. A hash is an address like any other: these say where the definition was found.
INSERT INTO `definition_pieces` SELECT generation || '/' || kinds.key || '/' || found.key, 0, found.value, 0, true FROM `generations`, json_each(definitions) kinds, json_each(kinds.value) found;--> statement-breakpoint
UPDATE `generations` SET definitions = (
	SELECT json_group_object(kinds.key, json((
		SELECT json_group_array(json_object(
			'name', found.value ->> 'name',
			'hash', generation || '/' || kinds.key || '/' || found.key,
			'sent', generation || '/' || kinds.key || '/' || found.key,
			'uses', json(CASE kinds.key
				WHEN 'feature_views' THEN json_array(found.value ->> 'entity', found.value ->> 'source')
				WHEN 'feature_services' THEN (SELECT json_group_array(entries.value ->> 'view') FROM json_each(found.value, '$.features') entries)
				ELSE '[]' END)))
		FROM json_each(kinds.value) found)))
	FROM json_each(definitions) kinds);--> statement-breakpoint
-- They were compiled in a form that this release does not read: Cron compiles the newest again.
UPDATE `snapshots` SET is_published = false;
