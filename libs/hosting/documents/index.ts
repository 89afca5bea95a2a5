export { makeDocuments } from './documents';
export { type StoredDocument, serveDocuments, storedDocument } from './stored-document';
