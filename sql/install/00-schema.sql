-- distributor: referral trees, commissions and team reports.
-- Complain if the script is sourced in psql rather than by CREATE EXTENSION.
\echo Use "CREATE EXTENSION distributor" to load this file. \quit

-- The script creates the schema, so that it fails where somebody has prepared
-- one of that name, and the schema belongs to the extension.
CREATE SCHEMA distributor;
GRANT USAGE ON SCHEMA distributor TO PUBLIC;
COMMENT ON SCHEMA distributor IS 'referral trees, multi-level commissions and team reports';
